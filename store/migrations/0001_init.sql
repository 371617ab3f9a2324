-- The types and statements are those that SQLite and PostgreSQL share: TEXT for
-- names, JSON and UUIDs, BIGINT for UTC microseconds since 1970, BYTEA for bytes
-- (SQLite stores a blob in a column of any type as it is).

-- +goose Up
CREATE TABLE messages (
    id          TEXT PRIMARY KEY,
    received_at BIGINT NOT NULL,
    mail_from   TEXT NOT NULL,
    sender      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    disposition TEXT NOT NULL,
    log_odds    DOUBLE PRECISION NOT NULL,
    envelope    TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    facts       TEXT NOT NULL
);
CREATE INDEX messages_received_at ON messages (received_at);

CREATE TABLE held (
    id      TEXT PRIMARY KEY REFERENCES messages (id),
    held_at BIGINT NOT NULL,
    size    BIGINT NOT NULL,
    sha256  TEXT NOT NULL
);
CREATE INDEX held_held_at ON held (held_at);

-- Apart from held, so that listing never reads past message bytes.
CREATE TABLE held_raw (
    hold_id TEXT PRIMARY KEY REFERENCES held (id),
    zstd    BYTEA NOT NULL
);

CREATE TABLE held_recipients (
    hold_id       TEXT NOT NULL REFERENCES held (id),
    recipient     TEXT NOT NULL,
    grp           TEXT NOT NULL,
    state         TEXT NOT NULL,
    held_at       BIGINT NOT NULL,
    changed_at    BIGINT NOT NULL,
    release_token TEXT NOT NULL,
    dedupe_key    TEXT NOT NULL UNIQUE,
    PRIMARY KEY (hold_id, recipient)
);
CREATE INDEX held_recipients_state ON held_recipients (state, hold_id);
CREATE INDEX held_recipients_recipient ON held_recipients (recipient, hold_id);

CREATE TABLE audit (
    id     TEXT PRIMARY KEY,
    at     BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    act    TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE held_recipients;
DROP TABLE held_raw;
DROP TABLE held;
DROP TABLE messages;

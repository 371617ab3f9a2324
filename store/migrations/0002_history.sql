-- The bytes of messages that were not held, apart from their records, which
-- outlive them. packed stands before zstd, so that adding it up reads no bytes.

-- +goose Up
CREATE TABLE history_raw (
    message_id  TEXT PRIMARY KEY REFERENCES messages (id),
    received_at BIGINT NOT NULL,
    size        BIGINT NOT NULL,
    packed      BIGINT NOT NULL,
    sha256      TEXT NOT NULL,
    zstd        BYTEA NOT NULL
);
CREATE INDEX history_raw_age ON history_raw (received_at, message_id, packed);

-- +goose Down
DROP TABLE history_raw;

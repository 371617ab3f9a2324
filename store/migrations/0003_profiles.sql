-- What is remembered of senders (package scan/sender makes the records), and
-- what recent messages will teach once their time has come.

-- +goose Up
CREATE TABLE profiles (
    profile    TEXT PRIMARY KEY,
    changed_at BIGINT NOT NULL,
    record     BYTEA NOT NULL
);
CREATE INDEX profiles_changed_at ON profiles (changed_at);

CREATE TABLE lessons (
    message_id TEXT PRIMARY KEY,
    due_at     BIGINT NOT NULL,
    lesson     BYTEA NOT NULL
);
CREATE INDEX lessons_due_at ON lessons (due_at, message_id);

-- +goose Down
DROP TABLE lessons;
DROP TABLE profiles;

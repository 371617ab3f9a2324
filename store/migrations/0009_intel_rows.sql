-- Assertions are appended, and known again by their subject and the first bytes
-- of their id: half the indexes that an import has to keep, and none that is as
-- wide as the table. Columns may be null on paper, as writing many rows by one
-- statement is then nothing that may have to be undone by halves, for which SQLite
-- would copy every page; the program writes no nulls.

-- +goose Up
CREATE TABLE intel_nodes_new (
    id    INTEGER PRIMARY KEY,
    kind  TEXT,
    value TEXT
);
INSERT INTO intel_nodes_new (id, kind, value) SELECT id, kind, value FROM intel_nodes ORDER BY id;
DROP TABLE intel_nodes;
ALTER TABLE intel_nodes_new RENAME TO intel_nodes;

CREATE TABLE intel_assertions_new (
    seq        INTEGER PRIMARY KEY,
    id         BYTEA,
    subject    BIGINT,
    relation   TEXT,
    object     BIGINT,
    first_at   BIGINT,
    last_at    BIGINT,
    source     BIGINT,
    confidence TEXT,
    tlp        TEXT,
    note       TEXT,
    retracted  BIGINT,
    changed_at BIGINT
);
INSERT INTO intel_assertions_new (id, subject, relation, object, first_at, last_at, source, confidence, tlp, note, retracted, changed_at)
    SELECT substr(id, 1, 8), subject, relation, object, first_at, last_at, source, confidence, tlp, note, retracted, changed_at
    FROM intel_assertions ORDER BY changed_at, id;
DROP TABLE intel_assertions;
ALTER TABLE intel_assertions_new RENAME TO intel_assertions;
CREATE UNIQUE INDEX intel_assertions_subject ON intel_assertions (subject, id);
CREATE INDEX intel_assertions_object ON intel_assertions (object);
CREATE INDEX intel_assertions_changed ON intel_assertions (changed_at);

-- +goose Down
DROP INDEX intel_assertions_subject;
CREATE INDEX intel_assertions_subject ON intel_assertions (subject);

-- What is said about attackers, and by whom. Numbers of nodes and sources are
-- made of their content, so that writing needs no look-up; changed_at tells
-- readers what is new. A statement that is taken back stays, marked.

-- +goose Up
CREATE TABLE intel_nodes (
    id    BIGINT PRIMARY KEY,
    kind  TEXT NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE intel_sources (
    id      BIGINT PRIMARY KEY,
    name    TEXT NOT NULL,
    origin  TEXT NOT NULL,
    url     TEXT NOT NULL,
    licence TEXT NOT NULL
);

CREATE TABLE intel_assertions (
    id         BYTEA PRIMARY KEY,
    subject    BIGINT NOT NULL,
    relation   TEXT NOT NULL,
    object     BIGINT NOT NULL,
    first_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    source     BIGINT NOT NULL,
    confidence TEXT NOT NULL,
    tlp        TEXT NOT NULL,
    note       TEXT NOT NULL,
    retracted  BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX intel_assertions_subject ON intel_assertions (subject);
CREATE INDEX intel_assertions_object ON intel_assertions (object);
CREATE INDEX intel_assertions_changed ON intel_assertions (changed_at);

-- Every version of every STIX object as it came; two of one version that differ
-- are both kept.
CREATE TABLE intel_objects (
    stix_id    TEXT NOT NULL,
    modified   BIGINT NOT NULL,
    sha256     TEXT NOT NULL,
    typ        TEXT NOT NULL,
    revoked    BIGINT NOT NULL,
    collection TEXT NOT NULL,
    raw        TEXT NOT NULL,
    added_at   BIGINT NOT NULL,
    PRIMARY KEY (stix_id, modified, sha256, collection)
);
CREATE INDEX intel_objects_added ON intel_objects (collection, added_at, stix_id);

CREATE TABLE intel_feeds (
    name  TEXT PRIMARY KEY,
    state TEXT NOT NULL
);

-- +goose Down
DROP TABLE intel_feeds;
DROP TABLE intel_objects;
DROP TABLE intel_assertions;
DROP TABLE intel_sources;
DROP TABLE intel_nodes;

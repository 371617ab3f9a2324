-- Indicators that were found in messages after these had been judged.

-- +goose Up
CREATE TABLE intel_sightings (
    message_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    found_at   BIGINT NOT NULL,
    PRIMARY KEY (message_id, kind, value)
);
CREATE INDEX intel_sightings_found ON intel_sightings (found_at);

-- +goose Down
DROP TABLE intel_sightings;

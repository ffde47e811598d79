-- Who changed what. Entries of a team form a chain: each holds the hash of the one before,
-- so that a changed or missing entry is found. Team '' is the operator's own log.
CREATE TABLE audit (
    team_id TEXT   NOT NULL,
    seq     BIGINT NOT NULL,  -- 1, 2, 3 ... within the team
    at_ms   BIGINT NOT NULL,
    actor   TEXT   NOT NULL,  -- such as 'key 0198...', 'producer labelling', 'person ana@example.com'
    action  TEXT   NOT NULL,  -- such as 'POST /v1/projects'
    target  TEXT   NOT NULL,  -- what it was done to
    address TEXT   NOT NULL,  -- where the call came from
    status  BIGINT NOT NULL,  -- what was answered: an HTTP status; 0 for the command line
    hash    TEXT   NOT NULL,
    PRIMARY KEY (team_id, seq)
);
-- The end of each team's chain; writing takes it first, so entries come one after another.
CREATE TABLE audit_heads (
    team_id TEXT   PRIMARY KEY,
    seq     BIGINT NOT NULL,
    hash    TEXT   NOT NULL
);

-- How a team's integrations are told apart from other teams', and where its large results go.
CREATE TABLE integration_identities (
    team_id TEXT PRIMARY KEY,
    external_id TEXT NOT NULL,
    short_id TEXT NOT NULL UNIQUE,
    results_cloud TEXT,
    results_prefix TEXT
);

-- A cloud that a team has let this gateway into: names, no secrets.
CREATE TABLE integrations (
    team_id TEXT NOT NULL,
    cloud TEXT NOT NULL,
    names TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    tested_ms BIGINT,
    tested_as TEXT,
    PRIMARY KEY (team_id, cloud)
);

-- Responses that are in their team's bucket.
CREATE TABLE stored_responses (
    callback_id TEXT PRIMARY KEY,
    team_id TEXT NOT NULL,
    cloud TEXT NOT NULL,
    bucket TEXT NOT NULL,
    object TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    stored_ms BIGINT NOT NULL
);
CREATE INDEX stored_responses_age ON stored_responses (stored_ms);

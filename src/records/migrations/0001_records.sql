-- Teams and what belongs to them. One SQL text for every database: only TEXT, BIGINT
-- and DOUBLE PRECISION columns.
CREATE TABLE teams (
    id                   TEXT   PRIMARY KEY,
    name                 TEXT   NOT NULL,
    default_callback_url TEXT,
    latest_only          BIGINT NOT NULL,  -- 1: a newer callback of a task supersedes waiting ones
    retry                TEXT,             -- JSON of the team's own retry policy
    live_callback_auth   TEXT   NOT NULL,  -- sealed
    test_callback_auth   TEXT   NOT NULL,  -- sealed
    signing_secret       TEXT   NOT NULL,  -- sealed
    created_ms           BIGINT NOT NULL
);
CREATE TABLE api_keys (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    digest     TEXT   NOT NULL UNIQUE,
    sealed     TEXT   NOT NULL,
    last_four  TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE TABLE producers (
    name       TEXT   PRIMARY KEY,
    digest     TEXT   NOT NULL UNIQUE,
    last_four  TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE TABLE projects (
    team_id      TEXT NOT NULL,
    name         TEXT NOT NULL,
    callback_url TEXT,
    PRIMARY KEY (team_id, name)
);
-- Endpoints that answered 410 Gone: nothing is sent there until the team resumes them.
CREATE TABLE paused_endpoints (
    team_id   TEXT   NOT NULL,
    url       TEXT   NOT NULL,
    paused_ms BIGINT NOT NULL,
    PRIMARY KEY (team_id, url)
);

-- People and what they decide about their team.
ALTER TABLE teams ADD COLUMN members_use_keys   BIGINT NOT NULL DEFAULT 1;
ALTER TABLE teams ADD COLUMN always_live_auth   BIGINT NOT NULL DEFAULT 0; -- 1: test results bring the live key, too
ALTER TABLE teams ADD COLUMN paused             BIGINT NOT NULL DEFAULT 0; -- 1: nothing is delivered, all is held
ALTER TABLE teams ADD COLUMN attempt_timeout_ms BIGINT;                    -- the team's own budget of an attempt
ALTER TABLE teams ADD COLUMN grace_status       BIGINT;                    -- besides 401 and 403: asks for the previous key
CREATE TABLE users (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,         -- as typed
    email_key  TEXT   NOT NULL UNIQUE,  -- in lower case: one team per user, for ever
    role       TEXT   NOT NULL,
    status     TEXT   NOT NULL,         -- active, disabled, removed
    password   TEXT   NOT NULL,         -- argon2id
    first_name TEXT   NOT NULL,
    last_name  TEXT   NOT NULL,
    company    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX users_by_team ON users (team_id, created_ms);
CREATE UNIQUE INDEX users_one_admin ON users (team_id) WHERE role = 'admin';
CREATE TABLE invites (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    email_key  TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    digest     TEXT   NOT NULL UNIQUE,  -- of the link's token
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    UNIQUE (team_id, email_key)
);
CREATE TABLE sessions (
    id         TEXT   PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    digest     TEXT   NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    agent      TEXT   NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_ms);
CREATE TABLE password_resets (
    user_id    TEXT   PRIMARY KEY,      -- a newer link replaces the older one
    digest     TEXT   NOT NULL UNIQUE,
    expires_ms BIGINT NOT NULL
);
-- Who tried to sign in how often: accounts and addresses, as digests.
CREATE TABLE sign_in_tries (
    id       TEXT   PRIMARY KEY,
    tries    BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
);
-- Secrets that were replaced and are still good for a while.
CREATE TABLE old_secrets (
    team_id  TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    sealed   TEXT   NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (team_id, kind)
);
-- Which callback auth key an endpoint took last, while two are good.
CREATE TABLE endpoint_keys (
    team_id TEXT   NOT NULL,
    url     TEXT   NOT NULL,
    mode    TEXT   NOT NULL,
    takes   TEXT   NOT NULL,            -- new, previous
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (team_id, url, mode)
);
-- Mail on its way: written with what it tells of, deleted when the server has it.
CREATE TABLE mails (
    id         TEXT   PRIMARY KEY,
    recipient  TEXT   NOT NULL,
    letter     TEXT   NOT NULL,         -- sealed JSON: it holds a link
    tries      BIGINT NOT NULL,
    due_ms     BIGINT NOT NULL,         -- also the lease of whoever sends it
    created_ms BIGINT NOT NULL
);
CREATE INDEX mails_by_due ON mails (due_ms);

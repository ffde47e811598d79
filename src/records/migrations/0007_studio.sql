-- Who of a team labels what, in groups, and in which order. People are named by the key of
-- their address, so that an assignment outlasts an invitation that is accepted or sent again;
-- who is not (or no longer) of the team is never shown.
CREATE TABLE studio_assignments (
    team_id   TEXT NOT NULL,
    mode      TEXT NOT NULL,
    project   TEXT NOT NULL,
    email_key TEXT NOT NULL,
    PRIMARY KEY (team_id, mode, project, email_key)
);
CREATE TABLE studio_groups (
    id      TEXT PRIMARY KEY,
    team_id TEXT NOT NULL,
    mode    TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL
);
CREATE UNIQUE INDEX studio_groups_name ON studio_groups (team_id, mode, project, name);
CREATE TABLE studio_group_people (
    group_id  TEXT NOT NULL,
    email_key TEXT NOT NULL,
    PRIMARY KEY (group_id, email_key)
);
CREATE TABLE studio_batch_groups (
    batch_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (batch_id, group_id)
);
-- The order that was asked for last. One row a world: it is set and reset as one thing.
CREATE TABLE studio_orders (
    team_id TEXT NOT NULL,
    mode    TEXT NOT NULL,
    batches TEXT NOT NULL,  -- JSON array of ids, the most urgent first
    PRIMARY KEY (team_id, mode)
);

-- Projects, tasks and batches. A team's live and test worlds never meet: every look-up
-- begins with team and mode. Ids of tasks, batches and projects are 24 hex digits that grow
-- with time, so that a list by age is a walk along an index of ids.
CREATE TABLE project_urls (
    team_id      TEXT NOT NULL,
    mode         TEXT NOT NULL,
    name         TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    PRIMARY KEY (team_id, mode, name)
);
INSERT INTO project_urls (team_id, mode, name, callback_url)
    SELECT team_id, 'live', name, callback_url FROM projects WHERE callback_url IS NOT NULL;
INSERT INTO project_urls (team_id, mode, name, callback_url)
    SELECT team_id, 'test', name, callback_url FROM projects WHERE callback_url IS NOT NULL;
DROP TABLE projects;
CREATE TABLE projects (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    flags      TEXT   NOT NULL,  -- JSON of what was asked for beside name, type and params
    is_staging BIGINT NOT NULL,  -- 1: batches begin in staging (Rapid, Studio)
    archived   BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    version    BIGINT NOT NULL   -- of the current params, from 0
);
CREATE UNIQUE INDEX projects_name ON projects (team_id, mode, name);
CREATE TABLE project_params (
    project_id TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    params     TEXT   NOT NULL,  -- JSON object
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (project_id, version)
);
CREATE TABLE batches (
    id           TEXT   PRIMARY KEY,
    team_id      TEXT   NOT NULL,
    mode         TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    project      TEXT   NOT NULL,
    status       TEXT   NOT NULL,  -- staging, in_progress, completed
    is_staging   BIGINT NOT NULL,  -- 1: takes tasks only until it is finalized
    callback_url TEXT,
    metadata     TEXT   NOT NULL,
    flags        TEXT   NOT NULL,
    events       BIGINT NOT NULL,  -- callbacks caused so far
    created_ms   BIGINT NOT NULL,
    completed_ms BIGINT
);
CREATE UNIQUE INDEX batches_name ON batches (team_id, mode, name);
CREATE INDEX batches_age ON batches (team_id, mode, id);
CREATE INDEX batches_project ON batches (team_id, mode, project, id);
CREATE INDEX batches_status ON batches (team_id, mode, status, id);
CREATE TABLE tasks (
    id                    TEXT   PRIMARY KEY,
    team_id               TEXT   NOT NULL,
    mode                  TEXT   NOT NULL,
    type                  TEXT   NOT NULL,
    status                TEXT   NOT NULL,  -- pending, completed, canceled, error
    project               TEXT,
    project_version       BIGINT,
    batch                 TEXT,
    unique_id             TEXT,
    clears_unique_id      BIGINT NOT NULL,  -- 1: an error frees the unique id
    callback_url          TEXT,             -- a URL or an e-mail address
    instruction           TEXT   NOT NULL,
    params                TEXT   NOT NULL,  -- JSON object, the project's included
    metadata              TEXT   NOT NULL,  -- JSON object
    tags                  TEXT   NOT NULL,  -- JSON array
    priority              BIGINT,
    response              TEXT,             -- JSON as the labelling side wrote it
    created_ms            BIGINT NOT NULL,
    updated_ms            BIGINT NOT NULL,
    completed_ms          BIGINT,
    review                TEXT,
    audits                TEXT   NOT NULL,  -- JSON array
    callback_succeeded    BIGINT,
    callback_succeeded_ms BIGINT,
    events                BIGINT NOT NULL,  -- callbacks caused here so far
    is_staged             BIGINT NOT NULL,  -- 1: its batch is not finalized yet
    claimed_by            TEXT,
    claimed_until_ms      BIGINT NOT NULL,
    acknowledged          BIGINT NOT NULL   -- 1: the labelling side has it
);
-- One index a kind of list; each ends in the order in which the list is shown.
CREATE UNIQUE INDEX tasks_unique_id ON tasks (team_id, mode, unique_id);
CREATE INDEX tasks_age ON tasks (team_id, mode, id);
CREATE INDEX tasks_status ON tasks (team_id, mode, status, id);
CREATE INDEX tasks_type ON tasks (team_id, mode, type, id);
CREATE INDEX tasks_type_status ON tasks (team_id, mode, type, status, id);
CREATE INDEX tasks_project ON tasks (team_id, mode, project, id);
CREATE INDEX tasks_project_status ON tasks (team_id, mode, project, status, id);
CREATE INDEX tasks_batch ON tasks (team_id, mode, batch, id) WHERE batch IS NOT NULL;
CREATE INDEX tasks_batch_status ON tasks (team_id, mode, batch, status, id)
    WHERE batch IS NOT NULL;
CREATE INDEX tasks_review ON tasks (team_id, mode, review, id) WHERE review IS NOT NULL;
CREATE INDEX tasks_completed ON tasks (team_id, mode, completed_ms, id)
    WHERE completed_ms IS NOT NULL;
CREATE INDEX tasks_updated ON tasks (team_id, mode, updated_ms, id);
-- What the labelling side may take.
CREATE INDEX tasks_waiting ON tasks (id)
    WHERE status = 'pending' AND mode = 'live' AND acknowledged = 0 AND is_staged = 0;
CREATE TABLE task_tags (
    team_id TEXT NOT NULL,
    mode    TEXT NOT NULL,
    tag     TEXT NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (team_id, mode, tag, task_id)
);
CREATE INDEX task_tags_task ON task_tags (task_id);
-- Results that were applied: a repeat changes nothing.
CREATE TABLE task_events (
    task_id  TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (task_id, event_id)
);
-- How many tasks there are, by one thing at a time: '' (all), 'project', 'batch', 'type',
-- 'tag' or 'review'.
-- Slots keep commits that count at once out of each other's way; their sum is the number.
CREATE TABLE task_counts (
    team_id TEXT   NOT NULL,
    mode    TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    status  TEXT   NOT NULL,
    slot    BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (team_id, mode, kind, name, status, slot)
);
CREATE TABLE quality_tasks (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,  -- evaluation, training
    project    TEXT,
    object     TEXT   NOT NULL,  -- JSON as shown
    created_ms BIGINT NOT NULL
);
CREATE INDEX quality_tasks_age ON quality_tasks (team_id, mode, kind, id);
CREATE TABLE idempotency_keys (
    team_id    TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    digest     TEXT   NOT NULL,  -- of the request
    answer     TEXT   NOT NULL,  -- JSON of the first answer
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (team_id, mode, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_ms);
-- Callbacks that changes above have caused and the journal may not have yet.
CREATE TABLE outbox (
    subject    TEXT   NOT NULL,  -- the task's or batch's id
    event      BIGINT NOT NULL,  -- its how-manieth
    team_id    TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    project    TEXT,
    url        TEXT,
    body       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (subject, event)
);
CREATE INDEX outbox_age ON outbox (created_ms);

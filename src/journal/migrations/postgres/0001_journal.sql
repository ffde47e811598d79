-- The truth about every callback, for any number of processes. Ids are UUIDv7: they grow
-- with acceptance, so inserts append and time ranges are key ranges.

-- What was handed in. Never updated, so that settling touches none of these indexes.
CREATE TABLE results (
    id       UUID  PRIMARY KEY,
    team_id  TEXT  NOT NULL,
    event_id TEXT  NOT NULL,
    task_id  TEXT  NOT NULL,
    mode     TEXT  NOT NULL,
    digest   BYTEA NOT NULL,   -- of everything the producer sent, to tell a repeat from a conflict
    body     BYTEA NOT NULL
);
CREATE UNIQUE INDEX results_event ON results (team_id, event_id);
CREATE INDEX results_task ON results (task_id, id);

-- Where each callback is in its life: small rows, for all that the queue needs.
CREATE TABLE callbacks (
    id       UUID    PRIMARY KEY,
    team_id  TEXT    NOT NULL,
    task_id  TEXT    NOT NULL,
    project  TEXT,
    url      TEXT,             -- the task's own, fixed when accepted
    state    TEXT    NOT NULL,
    reason   TEXT,             -- why held, dead or cancelled
    attempts INTEGER NOT NULL DEFAULT 0,
    forgiven INTEGER NOT NULL DEFAULT 0,    -- attempts made before the last replay
    due_ms   BIGINT  NOT NULL,
    ended_ms BIGINT,
    queued   BOOLEAN NOT NULL DEFAULT TRUE  -- false: the queue does not know it yet
) WITH (
    fillfactor = 80,                        -- a new version of a row finds room on its page
    autovacuum_vacuum_scale_factor = 0.02,  -- every callback leaves a dead row: sweep early
    autovacuum_vacuum_insert_scale_factor = 0.05
);
-- Every search by state, with a team or without, comes in the order of ids and never sorts.
-- Each kind of search has one index that can serve it. The planner might else take a wider
-- one for a team or state that it thinks is common, and walk past millions of others where
-- the callbacks it looks for are old. Hence the bytes of the id, which sort as ids do but are
-- not the primary key, and team and state as one text.
CREATE INDEX callbacks_team ON callbacks ((team_id || '/' || state), uuid_send(id));
CREATE INDEX callbacks_state ON callbacks (state, uuid_send(id));
CREATE INDEX callbacks_unqueued ON callbacks (id) WHERE NOT queued;

-- One partition a day (UTC), so that retention drops whole tables. The gateway makes them.
CREATE TABLE attempts (
    id          UUID     NOT NULL,
    number      INTEGER  NOT NULL,
    started_ms  BIGINT   NOT NULL,
    duration_ms BIGINT   NOT NULL,
    url         TEXT     NOT NULL,
    provenance  TEXT     NOT NULL,
    diagnosis   TEXT     NOT NULL,
    status      SMALLINT,
    location    TEXT,
    answer      BYTEA    NOT NULL,  -- its first 4 KiB
    PRIMARY KEY (id, number, started_ms)
) PARTITION BY RANGE (started_ms);

-- What entered or left the callbacks for good: the sum of accepted must equal rows + the
-- sum of pruned. A row a commit, so that commits never wait for each other; housekeeping
-- folds them into one.
CREATE TABLE ledger (
    accepted BIGINT NOT NULL DEFAULT 0,
    pruned   BIGINT NOT NULL DEFAULT 0
);

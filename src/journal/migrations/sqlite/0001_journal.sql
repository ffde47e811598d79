-- The truth about every callback. `seq` is the first 60 bits of the callback's id:
-- it grows with acceptance, so inserts append and time ranges are key ranges.
CREATE TABLE callbacks (
    seq       INTEGER PRIMARY KEY,
    id        BLOB    NOT NULL,
    team_id   TEXT    NOT NULL,
    event_id  TEXT    NOT NULL,
    task_id   TEXT    NOT NULL,
    project   TEXT,
    mode      TEXT    NOT NULL,
    url       TEXT,               -- the task's own, fixed when accepted
    digest    BLOB    NOT NULL,   -- of everything the producer sent, to tell a repeat from a conflict
    state     TEXT    NOT NULL,
    reason    TEXT,               -- why held, dead or cancelled
    attempts  INTEGER NOT NULL DEFAULT 0,
    forgiven  INTEGER NOT NULL DEFAULT 0,  -- attempts made before the last replay
    abandoned INTEGER NOT NULL DEFAULT 0,  -- processes that ended during its last attempt
    due_ms    INTEGER NOT NULL,
    ended_ms  INTEGER,
    queued    INTEGER NOT NULL DEFAULT 1   -- 0: the queue does not know it yet
);
CREATE UNIQUE INDEX callbacks_event ON callbacks (team_id, event_id);
-- Rows of one team or task come in the order of seq, so a search never sorts.
CREATE INDEX callbacks_team ON callbacks (team_id);
CREATE INDEX callbacks_task ON callbacks (task_id);
CREATE INDEX callbacks_open ON callbacks (seq) WHERE state IN ('pending', 'held');
CREATE INDEX callbacks_dead ON callbacks (seq) WHERE state = 'dead';
CREATE INDEX callbacks_unqueued ON callbacks (seq) WHERE queued = 0;

-- Apart from the callbacks, so that settling rewrites small rows only.
CREATE TABLE bodies (
    seq  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE attempts (
    seq         INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    started_ms  INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    url         TEXT    NOT NULL,
    provenance  TEXT    NOT NULL,
    diagnosis   TEXT    NOT NULL,
    status      INTEGER,
    location    TEXT,
    answer      BLOB    NOT NULL,  -- its first 4 KiB
    PRIMARY KEY (seq, number)
) WITHOUT ROWID;

-- What left or entered the callbacks table for good: accepted must equal rows + pruned.
CREATE TABLE ledger (
    name TEXT PRIMARY KEY,
    n    INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO ledger VALUES ('accepted', 0), ('pruned', 0);

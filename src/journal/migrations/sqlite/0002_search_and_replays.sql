-- What the last attempt was answered: 0 when no answer came, null before the first.
ALTER TABLE callbacks ADD COLUMN status INTEGER;
UPDATE callbacks SET status = (
    SELECT COALESCE(a.status, 0) FROM attempts a WHERE a.seq = callbacks.seq ORDER BY a.number DESC LIMIT 1
) WHERE attempts > 0;

-- Every search of a team walks one of these in the order of seq, once for each state: none
-- reads past what another state, another status or another kind of key brought.
DROP INDEX callbacks_team;
CREATE INDEX callbacks_team_state ON callbacks (team_id, state);
CREATE INDEX callbacks_team_status ON callbacks (team_id, status, state) WHERE status IS NOT NULL;
CREATE INDEX callbacks_team_test ON callbacks (team_id, state) WHERE mode = 'test';

-- Sending a team's dead letters again, at a pace. Here and not in the records, because how
-- far one is and what it has sent again are one commit.
CREATE TABLE replays (
    id         TEXT    PRIMARY KEY,
    team_id    TEXT    NOT NULL,
    task_id    TEXT,
    mode       TEXT,
    status     INTEGER,
    from_ms    INTEGER,
    until_ms   INTEGER,
    per_second INTEGER NOT NULL,
    state      TEXT    NOT NULL,   -- running, paused, done, cancelled
    found      INTEGER NOT NULL,   -- dead letters that matched at the start
    replayed   INTEGER NOT NULL DEFAULT 0,
    last_id    TEXT,               -- how far the walk is
    paced_ms   INTEGER NOT NULL,   -- until when the pace is used up
    started_ms INTEGER NOT NULL,   -- what died later is not part of it
    ended_ms   INTEGER,
    started_by TEXT    NOT NULL
);
CREATE INDEX replays_team ON replays (team_id, id);
CREATE INDEX replays_running ON replays (id) WHERE state = 'running';

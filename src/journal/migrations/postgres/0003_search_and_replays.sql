-- What the last attempt was answered: 0 when no answer came, null before the first.
ALTER TABLE callbacks ADD COLUMN status SMALLINT;
-- Beside the state, so that a search of test callbacks has an index. Few are.
ALTER TABLE callbacks ADD COLUMN mode TEXT NOT NULL DEFAULT 'live';
UPDATE callbacks c SET mode = r.mode FROM results r WHERE r.id = c.id AND r.mode <> 'live';
UPDATE callbacks c SET status = last.status FROM (
    SELECT DISTINCT ON (id) id, COALESCE(status, 0::smallint) AS status FROM attempts
    ORDER BY id, number DESC, started_ms) AS last
WHERE last.id = c.id;

-- As callbacks_team: one text, so that no other index can serve the search.
CREATE INDEX callbacks_team_status
    ON callbacks ((team_id || '/' || status::text || '/' || state), uuid_send(id))
    WHERE status IS NOT NULL;
CREATE INDEX callbacks_team_test ON callbacks ((team_id || '/test/' || state), uuid_send(id))
    WHERE mode = 'test';

-- Sending a team's dead letters again, at a pace. Here and not in the records, because how
-- far one is and what it has sent again are one commit.
CREATE TABLE replays (
    id         TEXT   PRIMARY KEY,
    team_id    TEXT   NOT NULL,
    task_id    TEXT,
    mode       TEXT,
    status     BIGINT,
    from_ms    BIGINT,
    until_ms   BIGINT,
    per_second BIGINT NOT NULL,
    state      TEXT   NOT NULL,   -- running, paused, done, cancelled
    found      BIGINT NOT NULL,   -- dead letters that matched at the start
    replayed   BIGINT NOT NULL DEFAULT 0,
    last_id    TEXT,              -- how far the walk is
    paced_ms   BIGINT NOT NULL,   -- until when the pace is used up
    started_ms BIGINT NOT NULL,   -- what died later is not part of it
    ended_ms   BIGINT,
    started_by TEXT   NOT NULL
);
CREATE INDEX replays_team ON replays (team_id, id);
CREATE INDEX replays_running ON replays (id) WHERE state = 'running';

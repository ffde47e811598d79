-- Uploaded files. The bytes are elsewhere, under the team's id and the file's; a row without
-- stored_ms is an upload that is under way or was cut, and not there for anybody.
CREATE TABLE files (
    id           TEXT   PRIMARY KEY,
    team_id      TEXT   NOT NULL,
    mode         TEXT   NOT NULL,
    reference_id TEXT,
    display_name TEXT,
    mime_type    TEXT   NOT NULL,
    size_bytes   BIGINT NOT NULL,
    sha256       TEXT   NOT NULL,
    project      TEXT,
    metadata     TEXT,             -- JSON object
    created_ms   BIGINT NOT NULL,
    stored_ms    BIGINT,
    used_ms      BIGINT            -- when a task first named it
);
CREATE UNIQUE INDEX files_reference ON files (team_id, mode, reference_id);
CREATE INDEX files_age ON files (team_id, mode, id);
CREATE INDEX files_project ON files (team_id, mode, project, id) WHERE project IS NOT NULL;
CREATE INDEX files_unused ON files (id) WHERE used_ms IS NULL;
-- v2 may pause or cancel a batch: 'paused', 'cancelled'. v1 knows neither.
ALTER TABLE batches ADD COLUMN halted TEXT;

-- When a result was applied, so that those of tasks that ended long ago can be forgotten.
-- What was applied before this column counts as old; its task says when it ended.
ALTER TABLE task_events ADD COLUMN applied_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX task_events_age ON task_events (applied_ms);

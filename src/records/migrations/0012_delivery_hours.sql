-- Counts for charts: attempts of a team in an hour that ended alike (delivered or failed)
-- and took about as long (a bucket of callback/latency.rs).
CREATE TABLE delivery_hours (
    team_id TEXT   NOT NULL,
    hour_ms BIGINT NOT NULL,
    outcome TEXT   NOT NULL,
    bucket  BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (team_id, hour_ms, outcome, bucket)
);
-- Old hours are deleted, whoever's they are.
CREATE INDEX delivery_hours_age ON delivery_hours (hour_ms);

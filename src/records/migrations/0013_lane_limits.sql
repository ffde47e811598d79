-- How many requests an endpoint of a team may have in flight at most, where the operator said
-- so. The queue is told again whenever it was lost.
CREATE TABLE lane_limits (
    team_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    in_flight_max BIGINT NOT NULL,
    PRIMARY KEY (team_id, origin)
);

-- A lane as people want to see it: {window, in flight, ready, parked until, rests until,
-- mean slot ms, limit}.
local function view(lane)
  return {
    lane.window, lane.in_flight, call('ZCARD', line_of(lane)), lane.park_until,
    lane.rests_until, lane.mean_ms, lane.limit,
  }
end

-- One lane, of team ARGV[4] and origin ARGV[5]. Answers {whole, now, window, in flight,
-- ready, parked until, rests until, mean slot ms}; only the first two while it has nothing to do.
promote()
local number = call('HGET', K .. ':n', ARGV[4] .. '\0' .. ARGV[5])
local lane = number and lane_at(tonumber(number))
local ready = lane and call('ZCARD', K .. ':r:' .. lane.number)
finish()
if not lane or lane.entries == 0 then
  return { get('whole'), now }
end
return {
  get('whole'), now, lane.window, lane.in_flight, ready,
  lane.park_until, lane.rests_until, lane.mean_ms,
}

-- One lane, of team ARGV[4] and origin ARGV[5]. Answers {whole, now, window, in flight,
-- ready, parked until, rests until, mean slot ms}; only the first two while it has nothing to do.
promote()
local number = call('HGET', K .. ':n', ARGV[4] .. '\0' .. ARGV[5])
local has_entries = number and call('HGET', K .. ':k', number) ~= '0'
local lane = number and lane_at(tonumber(number))
local ready = lane and call('ZCARD', line_of(lane))
finish()
if not has_entries then
  return { meta.whole, now }
end
return {
  meta.whole, now, lane.window, lane.in_flight, ready,
  lane.park_until, lane.rests_until, lane.mean_ms,
}

-- Closes the breaker of the lane of team ARGV[4] and origin ARGV[5], and ends its rest.
local number = call('HGET', K .. ':n', ARGV[4] .. '\0' .. ARGV[5])
if number then
  local lane = lane_at(tonumber(number))
  lane.rests_until = 0
  if lane.park_until > 0 then
    reopen(lane)
  end
  touch(lane)
end
finish()
return { meta.whole, now, soonest }

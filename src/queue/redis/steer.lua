-- What the operator decides about the lane of team ARGV[4] and origin ARGV[5]. ARGV[6]: how.
-- 'resume' closes its breaker and ends its rest; 'park' lets nothing go for ARGV[7] ms;
-- 'limit' keeps its window at or below ARGV[7], 0 for no limit, and makes the lane known.
-- Answers {whole, now, soonest, 1 if the lane is known}.
local HOW, NUMBER = ARGV[6], tonumber(ARGV[7])
local is_known = call('HEXISTS', K .. ':n', ARGV[4] .. '\0' .. ARGV[5]) == 1
if not is_known and (HOW ~= 'limit' or NUMBER == 0) then
  return { meta.whole, now, NONE, 0 }
end
-- As if it had one entry more meanwhile: what remains of it is for `leave` to say.
local lane = places().enter(ARGV[4], ARGV[5])
count_entries(lane.number, lane.team, 1)
if HOW == 'resume' then
  lane.rests_until = 0
  if lane.park_until > 0 then
    reopen(lane)
  end
elseif HOW == 'park' then
  lane.was_told = 1
  lane.window = 1
  lane.park_ms = PARK_MS_FIRST
  lane.park_until = now + NUMBER
  lane.is_probing = 0
else
  lane.was_told = 1
  lane.limit = NUMBER
  lane.window = NUMBER > 0 and min(lane.window, NUMBER) or lane.window
end
touch(lane)
places().leave(lane)
finish()
return { meta.whole, now, soonest, 1 }

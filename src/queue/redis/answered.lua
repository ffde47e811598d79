-- Tells how endpoints behaved and frees their slots at once. From ARGV[4] claims, packed:
-- id 16, token 8, signal 1, slot ms 4, jitter percent 1. Answers {whole, now, soonest}.
local SUCCESS, OVERLOAD = 0, 2

local function park(lane, ms, jitter_percent)
  ms = min(ms, PARK_MS_MAX)
  lane.window = 1
  lane.park_ms = ms
  lane.park_until = now + math.floor(ms * jitter_percent / 100)
  lane.is_probing = 0
end

local function is_broken(lane, failed)
  if not failed and lane.failures == 0 and #lane.history == SAMPLE then
    lane.straight = 0 -- all was well and is
    return false
  end
  lane.straight = failed and lane.straight + 1 or 0
  local oldest = #lane.history == SAMPLE and sub(lane.history, 1, 1) or '0'
  lane.history = sub(lane.history .. (failed and '1' or '0'), -SAMPLE)
  lane.failures = lane.failures + (failed and 1 or 0) - tonumber(oldest)
  return lane.straight >= STRAIGHT_MAX
    or (#lane.history == SAMPLE and lane.failures * 100 > SAMPLE * FAILED_PERCENT)
end

-- Takes in an answer. While the lane is parked only the probe's counts.
local function learn(lane, signal, slot_ms, jitter_percent)
  lane.mean_ms = lane.mean_ms == NONE and slot_ms or math.floor((lane.mean_ms * 7 + slot_ms) / 8)
  if lane.park_until > 0 then
    if lane.is_probing == 1 and signal == SUCCESS then
      reopen(lane)
    elseif lane.is_probing == 1 then
      park(lane, lane.park_ms * 2, jitter_percent)
    end
    return
  end
  if signal == SUCCESS then
    lane.successes = lane.successes + 1
    if lane.successes >= lane.window then
      lane.successes = 0
      lane.window = min(lane.window + 1, LANE_MAX)
    end
  elseif signal == OVERLOAD then
    lane.successes = 0
    lane.window = max(1, math.floor(lane.window / 2))
  end
  if is_broken(lane, signal ~= SUCCESS) then
    park(lane, PARK_MS_FIRST, jitter_percent)
  end
end

local ids = {}
for at = 4, #ARGV do
  ids[#ids + 1] = sub(ARGV[at], 1, 16)
end
local records, saved = call('HMGET', K .. ':e', unpack(ids)), {}
for at = 1, #ids do
  local id = ids[at]
  local record, told = records[at], ARGV[at + 3]
  if record and is_leased(record) and sub(record, 29, 36) == sub(told, 17, 24)
    and byte(record, 41) == 1 then
    local signal, slot_ms, jitter_percent = read('>BI4B', told, 25)
    local lane, charge_ms = lane_of(record), read('>I4', record, 37)
    slot_ms = max(1, min(slot_ms, max(1, LEASE_MS)))
    learn(lane, signal, slot_ms, jitter_percent)
    free(lane, charge_ms, slot_ms)
    saved[#saved + 1] = id
    saved[#saved + 1] = sub(record, 1, 40) .. '\0'
  end
end
call_with_all('HSET', K .. ':e', saved)
finish()
return { get('whole'), now, soonest }

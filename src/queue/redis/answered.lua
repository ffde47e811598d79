-- Tells how endpoints behaved and frees their slots at once. ARGV[4]: claims in one string:
-- id 16, token 8, number 2, signal 1, slot ms 4, jitter percent 1. Answers {whole, now, soonest}.
local SUCCESS, OVERLOAD = 0, 2

local function park(lane, ms, jitter_percent)
  ms = min(ms, PARK_MS_MAX)
  lane.window = 1
  lane.park_ms = ms
  lane.park_until = now + floor(ms * jitter_percent / 100)
  lane.is_probing = 0
end

local function is_broken(lane, failed)
  lane.straight = failed and lane.straight + 1 or 0
  local oldest = #lane.history == SAMPLE and sub(lane.history, 1, 1) or '0'
  lane.history = sub(lane.history .. (failed and '1' or '0'), -SAMPLE)
  lane.failures = lane.failures + (failed and 1 or 0) - tonumber(oldest)
  return lane.straight >= STRAIGHT_MAX
    or (#lane.history == SAMPLE and lane.failures * 100 > SAMPLE * FAILED_PERCENT)
end

-- Takes in an answer. While the lane is parked only the probe's counts.
local function learn(lane, signal, slot_ms, jitter_percent)
  lane.mean_ms = lane.mean_ms == NONE and slot_ms or floor((lane.mean_ms * 7 + slot_ms) / 8)
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
      lane.window = min(lane.window + 1, LANE_MAX, lane.limit > 0 and lane.limit or LANE_MAX)
    end
  elseif signal == OVERLOAD then
    lane.successes = 0
    lane.window = max(1, floor(lane.window / 2))
  end
  local was_well = lane.failures == 0 and #lane.history == SAMPLE
  if was_well and signal == SUCCESS then
    lane.straight = 0
  elseif is_broken(lane, signal ~= SUCCESS) then
    park(lane, PARK_MS_FIRST, jitter_percent)
  end
end

local ANSWERS, ANSWER_BYTES = ARGV[4], 32
local SLOT_MS_MAX = max(1, LEASE_MS)
for first = 1, #ANSWERS, ANSWER_BYTES do
  local id, token, number, signal, slot_ms, jitter_percent = read('>c16c8HBI4B', ANSWERS, first)
  local batch = batch_at(token)
  local lane_number, _, charge_ms = held_by(batch, number, id)
  if lane_number and batch.states[number] == IN_FLIGHT then
    local lane = lane_at(lane_number)
    slot_ms = max(1, min(slot_ms, SLOT_MS_MAX))
    set_state(batch, number, ANSWERED)
    learn(lane, signal, slot_ms, jitter_percent)
    free(lane, charge_ms, slot_ms)
  end
end
write_claims()
finish()
return { meta.whole, now, soonest }

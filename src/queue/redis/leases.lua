-- Claims: what was claimed together is kept in one packed string, by its token, so that a
-- claim costs no write of its own. First a byte for each: 0 ended, 1 answered, 2 in flight.
-- Then for each: id 16, lane 4, team 4, charge ms 4. A claim's number is its place there,
-- from 1 on. An entry knows nothing of its claim: it is in no list of places, and the only
-- one of its task or the one under way there.
local ENDED, ANSWERED, IN_FLIGHT = 0, 1, 2
local CLAIM_BYTES = 28

local batches = {}

local function keep_batch(token, packed)
  local count = #packed / (1 + CLAIM_BYTES)
  local batch = {
    token = token, count = count, states = { byte(packed, 1, count) },
    claims = sub(packed, count + 1), changed = false,
  }
  batches[token] = batch
  return batch
end

-- Made together under this token; false when there is none, or none any more.
local function batch_at(token)
  local batch = batches[token]
  if batch == nil then
    local packed = call('HGET', K .. ':c', token)
    batch = packed and keep_batch(token, packed)
    batches[token] = batch
  end
  return batch
end

-- Id, the numbers of its lane and its team, and what these were charged in advance, ms.
local function claim_of(batch, number)
  return read('>c16I4I4I4', batch.claims, CLAIM_BYTES * (number - 1) + 1)
end

-- Lane, team and charge of the claim of this number, if it is of this entry and has not ended.
local function held_by(batch, number, id)
  local state = batch and batch.states[number] or ENDED
  if state ~= ENDED then
    local claimed, lane, team, charge_ms = claim_of(batch, number)
    if claimed == id then
      return lane, team, charge_ms
    end
  end
end

local function set_state(batch, number, state)
  batch.states[number] = state
  batch.changed = true
end

-- Ends a claim. What it was charged in advance stays, unless it used less.
local function end_claim(batch, number, lane, charge_ms, used_ms)
  if batch.states[number] == IN_FLIGHT then
    free(lane_at(lane), charge_ms, used_ms or charge_ms)
  end
  set_state(batch, number, ENDED)
  meta.leased = meta.leased - 1
end

-- Ends the claim of this entry, whichever it is.
local function end_claim_of(id)
  for _, token in ipairs(call('HKEYS', K .. ':c')) do
    local batch = batch_at(token)
    for number = 1, batch and batch.count or 0 do
      local lane, _, charge_ms = held_by(batch, number, id)
      if lane then
        return end_claim(batch, number, lane, charge_ms)
      end
    end
  end
end

-- Claims as they are now; those made together are forgotten when all have ended.
local function write_claims()
  for token, batch in pairs(batches) do
    if batch and batch.changed then
      batch.changed = false
      local states = string.char(unpack(batch.states))
      if string.find(states, '[^%z]') then
        call('HSET', K .. ':c', token, states .. batch.claims)
      else
        call('HDEL', K .. ':c', token)
        call('ZREM', K .. ':x', token)
        batches[token] = false
      end
    end
  end
end

-- Counts everything anew and tells what differs from what is kept; with ARGV[4] = '1' the
-- kept numbers are set right. Reads the whole shard at once: for tests, and for an
-- operator in doubt. Refuses more than 200,000 entries.
-- Answers {whole, now, a text for each problem}, 100 at most.
local ENTRIES_MAX = 200000
if call('HLEN', K .. ':e') > ENTRIES_MAX then
  return { meta.whole, now, 'more than ' .. ENTRIES_MAX .. ' entries' }
end
local problems = {}
local function check(what, kept, counted)
  if kept ~= counted and #problems < 100 then
    problems[#problems + 1] = what .. ': ' .. tostring(kept) .. ' kept, ' .. tostring(counted) .. ' counted'
  end
end

local numbers, ready, held = {}, 0, 0
local function count(kind, number, field)
  local of = kind .. number
  numbers[of] = numbers[of] or { entries = 0, in_flight = 0 }
  numbers[of][field] = numbers[of][field] + 1
end

-- Which entries are claimed, how often.
local claims, leased = {}, 0
for _, token in ipairs(call('HKEYS', K .. ':c')) do
  check('end of lease', call('ZSCORE', K .. ':x', token) and true or false, true)
  local batch = batch_at(token)
  for number = 1, batch.count do
    if batch.states[number] ~= ENDED then
      local id, lane_number = claim_of(batch, number)
      local lane = lane_at(lane_number)
      claims[id] = (claims[id] or 0) + 1
      leased = leased + 1
      if batch.states[number] == IN_FLIGHT then
        count('lane ', lane.number, 'in_flight')
        count('team ', lane.team, 'in_flight')
      end
      local record = record_of(id)
      check('lane of a claim', record and lane_of(record).number, lane.number)
    end
  end
end
check('ends of leases', call('ZCARD', K .. ':x'), call('HLEN', K .. ':c'))

local entries = call('HGETALL', K .. ':e')
for at = 1, #entries, 2 do
  local id, record = entries[at], entries[at + 1]
  local lane = lane_of(record)
  local times = claims[id] or 0
  count('lane ', lane.number, 'entries')
  count('team ', lane.team, 'entries')
  if call('ZSCORE', line_of(lane), id) then ready, times = ready + 1, times + 1 end
  if call('ZSCORE', K .. ':s', id) then times = times + 1 end
  if call('SISMEMBER', K .. ':h:' .. lane.team, id) == 1 then held, times = held + 1, times + 1 end
  if times > 1 then
    problems[#problems + 1] = 'an entry is in ' .. times .. ' places'
  end
  check('lease', claims[id] ~= nil, places().is_leased(id, record))
  local value = call('HGET', K .. ':t', task_of(record))
  local is_known = value == id or chain(value) and call('ZSCORE', K .. ':t:' .. task_of(record), id)
  check('its task knows it', is_known and true or false, true)
  check('it knows of its company', has_company(record) or value == id, true)
end
check('ready', meta.ready, ready)
check('held', meta.held, held)
check('leased', meta.leased, leased)
meta.ready = ready
meta.held = held
meta.leased = leased

local function check_members(key, kind, prefix, at)
  for _, text in ipairs(call('HKEYS', K .. key)) do
    local it = at(tonumber(text))
    local counted = numbers[kind .. text] or { entries = 0, in_flight = 0 }
    local entries = tonumber(call('HGET', K .. ':k', prefix .. text))
    check(kind .. text .. ' entries', entries, counted.entries)
    check(kind .. text .. ' in_flight', it.in_flight, counted.in_flight)
    if ARGV[4] == '1' then
      call('HSET', K .. ':k', prefix .. text, counted.entries)
    end
    it.in_flight = counted.in_flight
    it.changed = true
  end
end
check_members(':l', 'lane ', '', lane_at)
check_members(':g', 'team ', 't', team_at)
check('counts', call('HLEN', K .. ':k'), call('HLEN', K .. ':l') + call('HLEN', K .. ':g'))
local parked, open, windows = 0, 0, 0
for _, lane in pairs(lanes) do
  parked = parked + (lane.park_until > 0 and 1 or 0)
  open = open + (lane.listed ~= NONE and 1 or 0)
  windows = windows + lane.counted_window
  check('lane ' .. lane.number .. ' ready', call('ZCARD', line_of(lane)) > 0, lane.front ~= NONE)
end
check('parked', meta.parked, parked)
check('open', meta.open, open)
check('windows', meta.windows, windows)
if ARGV[4] == '1' then
  write_back()
end
return { meta.whole, now, unpack(problems) }

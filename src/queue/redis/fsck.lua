-- Counts everything anew and tells what differs from what is kept; with ARGV[4] = '1' the
-- kept numbers are set right. Reads the whole shard at once: for tests, and for an
-- operator in doubt. Refuses more than 200,000 entries.
-- Answers {whole, now, a text for each problem}, 100 at most.
local ENTRIES_MAX = 200000
if call('HLEN', K .. ':e') > ENTRIES_MAX then
  return { get('whole'), now, 'more than ' .. ENTRIES_MAX .. ' entries' }
end
local problems = {}
local function check(what, kept, counted)
  if kept ~= counted and #problems < 100 then
    problems[#problems + 1] = what .. ': ' .. tostring(kept) .. ' kept, ' .. tostring(counted) .. ' counted'
  end
end

local numbers, ready, held, leased = {}, 0, 0, 0
local function count(kind, number, field)
  local of = kind .. number
  numbers[of] = numbers[of] or { entries = 0, in_flight = 0 }
  numbers[of][field] = numbers[of][field] + 1
end
local entries = call('HGETALL', K .. ':e')
for at = 1, #entries, 2 do
  local id, record = entries[at], entries[at + 1]
  local lane = lane_of(record)
  local places = 0
  count('lane ', lane.number, 'entries')
  count('team ', lane.team, 'entries')
  if call('ZSCORE', K .. ':r:' .. lane.number, id) then ready, places = ready + 1, places + 1 end
  if call('ZSCORE', K .. ':s', id) then places = places + 1 end
  if call('SISMEMBER', K .. ':h:' .. lane.team, id) == 1 then held, places = held + 1, places + 1 end
  local has_lease = call('ZSCORE', K .. ':x', id) and true or false
  check('lease', has_lease, is_leased(record))
  if is_leased(record) then
    leased, places = leased + 1, places + 1
    if byte(record, 41) == 1 then
      count('lane ', lane.number, 'in_flight')
      count('team ', lane.team, 'in_flight')
    end
  end
  if places > 1 then
    problems[#problems + 1] = 'an entry is in ' .. places .. ' places'
  end
  local value = call('HGET', K .. ':t', task_of(record))
  local is_known = value == id or chain(value) and call('ZSCORE', K .. ':t:' .. task_of(record), id)
  check('its task knows it', is_known and true or false, true)
end
check('ready', get('ready'), ready)
check('held', get('held'), held)
check('leases', call('ZCARD', K .. ':x'), leased)
set('ready', ready)
set('held', held)

local function check_members(key, kind, at)
  for _, text in ipairs(call('HKEYS', K .. key)) do
    local it = at(tonumber(text))
    local counted = numbers[kind .. text] or { entries = 0, in_flight = 0 }
    for _, field in ipairs({ 'entries', 'in_flight' }) do
      check(kind .. text .. ' ' .. field, it[field], counted[field])
      it[field] = counted[field]
    end
    it.changed = true
  end
end
check_members(':l', 'lane ', lane_at)
check_members(':g', 'team ', team_at)
local parked = 0
for _, lane in pairs(lanes) do
  parked = parked + (lane.park_until > 0 and 1 or 0)
  check('lane ' .. lane.number .. ' ready', call('ZCARD', K .. ':r:' .. lane.number) > 0, lane.front ~= NONE)
end
check('parked', get('parked'), parked)
if ARGV[4] == '1' then
  write_back()
end
return { get('whole'), now, unpack(problems) }

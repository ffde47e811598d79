-- Takes up to ARGV[4] due entries in fair order under the token ARGV[5].
-- Answers {whole, now, when to look next, teams that may go, a team was last seen,
-- {lane, team, origin, ...}, {id, record, ...} claimed, the same poisoned}.
local MAX, TOKEN = tonumber(ARGV[4]), ARGV[5]
local SWEPT_MAX, EXPIRED_MAX = 128, 256

-- Leases that have ended are taken back. Abandoned too often: poison.
local poisoned = {}
for _, id in ipairs(call('ZRANGE', K .. ':x', '-inf', now, 'BYSCORE', 'LIMIT', 0, EXPIRED_MAX)) do
  local record = unlease(id, record_of(id), false)
  local abandoned = string.byte(record, 6) + 1
  record = with_due(record, due_of(record), abandoned)
  save(id, record)
  if abandoned >= ABANDONED_MAX then
    poisoned[#poisoned + 1] = id
    poisoned[#poisoned + 1] = record
    -- Its names are told below, so they are read before they may be forgotten.
    team_at(lane_of(record).team)
    take_out(id, record)
  else
    admit(task_of(record))
  end
end
promote()
wake()

-- Some of what is known about lanes that have long been without entries, or are too many.
local function sweep()
  local first = call('ZRANGE', K .. ':i', 0, 0, 'WITHSCORES')
  if not first[1] then
    return
  end
  local crowd = call('ZCARD', K .. ':i') - IDLE_LANES_MAX
  if crowd <= 0 and tonumber(first[2]) > now then
    return
  end
  local idle = call('ZRANGE', K .. ':i', 0, SWEPT_MAX - 1, 'WITHSCORES')
  for at = 1, #idle, 2 do
    if crowd <= 0 and tonumber(idle[at + 1]) > now then
      return
    end
    forget(lane_at(tonumber(idle[at])))
    crowd = crowd - 1
  end
end
sweep()
relist_all()

-- Members in the order of their turns, for a claim of MAX: each pick touches one member,
-- so later ones than the first MAX cannot come up.
local function turns_of(key)
  local raw, turns = call('ZRANGE', key, 0, MAX - 1, 'WITHSCORES'), {}
  for at = 1, #raw, 2 do
    turns[#turns + 1] = { number = tonumber(raw[at]), starts = tonumber(raw[at + 1]) }
  end
  return turns
end

-- Puts the first behind those whose turn now comes earlier.
local function requeue(turns, starts)
  local turn = table.remove(turns, 1)
  turn.starts = starts
  local low, high = 1, #turns + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if turns[middle].starts <= starts then
      low = middle + 1
    else
      high = middle
    end
  end
  table.insert(turns, low, turn)
end

local function seen(team)
  local last = get('last_team')
  if last ~= 0 and last ~= team.number then
    set('before_team', last)
    set('before_at', get('last_at'))
  end
  set('last_team', team.number)
  set('last_at', now)
end

local ids, picks = {}, {}

-- The next entry of the lane, if its window has room.
local function next_of(lane)
  if lane.line == nil then
    local room = math.min(lane.window - lane.in_flight, MAX - #ids)
    lane.line = call('ZRANGE', K .. ':r:' .. lane.number, 0, room - 1)
    lane.taken = 0
  end
  return lane.in_flight < lane.window and lane.line[lane.taken + 1]
end

-- One request of the lane starts; after a park it is the probe.
local function start(lane, team)
  local charge_ms = lane.mean_ms == NONE and math.max(1, SLOT_MS_GUESS) or math.max(1, lane.mean_ms)
  ids[#ids + 1] = next_of(lane)
  picks[#picks + 1] = { lane = lane.number, charge_ms = charge_ms }
  lane.taken = lane.taken + 1
  lane.was_called = 1
  if lane.park_until > 0 then
    lane.is_probing = 1
  end
  lane.in_flight = lane.in_flight + 1
  team.in_flight = team.in_flight + 1
  team.virtual_now = math.max(team.virtual_now, lane.starts)
  lane.starts = lane.starts + charge_ms
  set('virtual_now', math.max(get('virtual_now'), team.starts))
  team.starts = team.starts + charge_ms
  seen(team)
  touch(lane)
end

-- Round teams, then round the lanes of each, while a team has fewer than `team_max` in flight.
local function pick(team_turns, team_max)
  while #ids < MAX and #team_turns > 0 do
    local team = team_at(team_turns[1].number)
    if team.turns == nil then
      team.turns = turns_of(K .. ':o:' .. team.number)
    end
    local lane = lane_at(team.turns[1].number)
    start(lane, team)
    if next_of(lane) then
      requeue(team.turns, lane.starts)
    else
      table.remove(team.turns, 1)
    end
    if #team.turns > 0 and team.in_flight < team_max then
      requeue(team_turns, team.starts)
    else
      table.remove(team_turns, 1)
    end
  end
end

-- What was picked is leased; only then are the lists right again.
local leased = 0
local function lease_picked()
  if leased == #ids then
    return
  end
  local new = {}
  for at = leased + 1, #ids do
    new[#new + 1] = ids[at]
  end
  local records = call('HMGET', K .. ':e', unpack(new))
  local tasks = {}
  for at, record in ipairs(records) do
    tasks[at] = task_of(record)
  end
  local values = call('HMGET', K .. ':t', unpack(tasks))
  local saved, ends, taken, ends_at = {}, {}, {}, print_number(now + LEASE_MS)
  for at, id in ipairs(new) do
    local chosen = picks[leased + at]
    chosen.record = records[at]
    saved[#saved + 1] = id
    saved[#saved + 1] = records[at] .. TOKEN .. struct.pack('>I4B', chosen.charge_ms, 1)
    ends[#ends + 1] = ends_at
    ends[#ends + 1] = id
    taken[chosen.lane] = (taken[chosen.lane] or 0) + 1
    if chain(values[at]) then
      set_leased(tasks[at], id)
    end
  end
  call_with_all('HSET', K .. ':e', saved)
  call_with_all('ZADD', K .. ':x', ends)
  for number, count in pairs(taken) do
    call('ZREMRANGEBYRANK', K .. ':r:' .. number, 0, count - 1)
    lane_at(number).line = nil
  end
  add('ready', -#new)
  leased = #ids
  relist_all()
end

pick(turns_of(K .. ':o'), TEAM_MAX)
lease_picked()
if #ids < MAX then
  local team = lone_team()
  if team and neighbours_gone(team) <= now then
    team.turns = nil
    pick({ { number = team.number, starts = team.starts } }, ALONE_MAX)
    lease_picked()
  end
end

local claims, names, named = {}, {}, {}
local function name(record)
  local number = struct.unpack('>I4', record)
  if not named[number] then
    named[number] = true
    local lane = lane_at(number)
    names[#names + 1] = number
    names[#names + 1] = team_at(lane.team).name
    names[#names + 1] = lane.origin
  end
end
for at, id in ipairs(ids) do
  claims[#claims + 1] = id
  claims[#claims + 1] = picks[at].record
  name(picks[at].record)
end
for at = 2, #poisoned, 2 do
  name(poisoned[at])
end
local look = now
if #ids < MAX then
  look = next_change()
  set('told', look)
end
write_back()
return { get('whole'), now, look, call('ZCARD', K .. ':o'), get('last_at'), names, claims, poisoned }

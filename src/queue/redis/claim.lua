-- Takes up to ARGV[4] due entries in fair order under the token ARGV[5].
-- Answers {whole, now, when to look next, teams that may go, a team was last seen,
-- {lane, team, origin, ...}, {id, record, ...} claimed, the same poisoned}.
local MAX, TOKEN = tonumber(ARGV[4]), ARGV[5]
local SWEPT_MAX, EXPIRED_MAX = 128, 256

-- Leases that have ended are taken back. Abandoned too often: poison.
local poisoned = {}
for _, id in ipairs(call('ZRANGE', K .. ':x', '-inf', now, 'BYSCORE', 'LIMIT', 0, EXPIRED_MAX)) do
  local record = unlease(id, record_of(id), false)
  local abandoned = byte(record, 6) + 1
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
  if turns[2] == nil or starts < turns[2].starts then
    turns[1].starts = starts
    return
  end
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

-- The two teams seen last.
local last, before = get('last_team'), get('before_team')
local last_at, before_at = get('last_at'), get('before_at')
local virtual_now = get('virtual_now')

local ids, picks = {}, {}

-- One request of the lane starts; after a park it is the probe.
local function start(lane, team)
  local charge_ms = lane.mean_ms == NONE and max(1, SLOT_MS_GUESS) or max(1, lane.mean_ms)
  local at = #ids + 1
  lane.taken = lane.taken + 1
  ids[at], picks[at] = lane.line[lane.taken], { lane = lane.number, charge_ms = charge_ms }
  lane.was_called = 1
  if lane.park_until > 0 then
    lane.is_probing = 1
  end
  lane.in_flight = lane.in_flight + 1
  team.in_flight = team.in_flight + 1
  if lane.starts > team.virtual_now then
    team.virtual_now = lane.starts
  end
  if team.starts > virtual_now then
    virtual_now = team.starts
  end
  lane.starts = lane.starts + charge_ms
  team.starts = team.starts + charge_ms
  if last ~= team.number then
    if last ~= 0 then
      before, before_at = last, last_at
    end
    last = team.number
  end
  last_at = now
  touch(lane)
end

-- The lane's line, as far as its window has room.
local function open_line(lane)
  local room = min(lane.window - lane.in_flight, MAX - #ids)
  lane.line = call('ZRANGE', K .. ':r:' .. lane.number, 0, room - 1)
  lane.taken = 0
end

-- Round teams, then round the lanes of each, while a team has fewer than `team_max` in flight.
local function pick(team_turns, team_max)
  while #ids < MAX and #team_turns > 0 do
    local team = team_at(team_turns[1].number)
    if team.turns == nil then
      team.turns = turns_of(K .. ':o:' .. team.number)
    end
    local lane = lane_at(team.turns[1].number)
    if lane.line == nil then
      open_line(lane)
    end
    start(lane, team)
    if lane.in_flight < lane.window and lane.line[lane.taken + 1] then
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
  for at = 1, #records do
    local record = records[at]
    tasks[at] = task_of(record)
  end
  local values = call('HMGET', K .. ':t', unpack(tasks))
  local saved, ends, taken, ends_at = {}, {}, {}, print_number(now + LEASE_MS)
  local suffixes = {}
  for at = 1, #new do
    local id = new[at]
    local chosen = picks[leased + at]
    chosen.record = records[at]
    local suffix = suffixes[chosen.charge_ms]
    if suffix == nil then
      suffix = TOKEN .. write('>I4B', chosen.charge_ms, 1)
      suffixes[chosen.charge_ms] = suffix
    end
    saved[2 * at - 1], saved[2 * at] = id, records[at] .. suffix
    ends[2 * at - 1], ends[2 * at] = ends_at, id
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

-- As many as there may be, and what they leave behind.
local function take(team_turns, team_max)
  pick(team_turns, team_max)
  set('last_team', last)
  set('last_at', last_at)
  set('before_team', before)
  set('before_at', before_at)
  set('virtual_now', virtual_now)
  lease_picked()
end

take(turns_of(K .. ':o'), TEAM_MAX)
if #ids < MAX then
  local team = lone_team()
  if team and neighbours_gone(team) <= now then
    team.turns = nil
    take({ { number = team.number, starts = team.starts } }, ALONE_MAX)
  end
end

local claims, names, named = {}, {}, {}
local function name(record)
  local number = read('>I4', record)
  if not named[number] then
    named[number] = true
    local lane = lane_at(number)
    names[#names + 1] = number
    names[#names + 1] = team_at(lane.team).name
    names[#names + 1] = lane.origin
  end
end
for at = 1, #ids do
  local id = ids[at]
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

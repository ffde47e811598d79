-- Takes up to ARGV[4] due entries in fair order, under the token ARGV[5] and the number that
-- each has in the answer. Answers {whole, now, when to look next, teams that may go, a team
-- was last seen, then in one string each: the lanes (number 4, team and origin, each after its
-- length 2), the claimed (id 16, record 28), the poisoned likewise}.
local MAX, TOKEN = tonumber(ARGV[4]), ARGV[5]
local SWEPT_MAX, EXPIRED_MAX = 128, 256
local MEAN_GUESS = max(1, SLOT_MS_GUESS)

-- A lease has ended; abandoned too often: poison.
local poisoned = {}
local function expire(id)
  local record = record_of(id)
  local abandoned = byte(record, 6) + 1
  record = with_due(record, due_of(record), abandoned)
  save(id, record)
  places().return_to_task(task_of(record), id)
  if abandoned >= ABANDONED_MAX then
    poisoned[#poisoned + 1] = id
    poisoned[#poisoned + 1] = record
    -- Its names are told below, so they are read before they may be forgotten.
    lane_of(record)
    places().take_out_waiting(id, record)
  else
    places().admit(task_of(record))
  end
end

-- Claims made together end together, so a few more may end than are let.
local function expire_all()
  local expired = 0
  local tokens = call('ZRANGE', K .. ':x', '-inf', print_number(now), 'BYSCORE',
    'LIMIT', '0', print_number(EXPIRED_MAX))
  for _, token in ipairs(tokens) do
    local batch = batch_at(token)
    for number = 1, batch.count do
      if batch.states[number] ~= ENDED then
        local id, lane, _, charge_ms = claim_of(batch, number)
        end_claim(batch, number, lane, charge_ms)
        expire(id)
        expired = expired + 1
      end
    end
    if expired >= EXPIRED_MAX then
      break
    end
  end
  write_claims()
end
expire_all()
promote()
wake()

-- Some of what is known about lanes that have long been without entries, or are too many.
local function sweep()
  local first = call('ZRANGE', K .. ':i', '0', '0', 'WITHSCORES')
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
    places().forget(lane_at(tonumber(idle[at])))
    crowd = crowd - 1
  end
end
sweep()
relist_all()

-- Members in the order of their turns, for a claim of MAX: each pick touches one member,
-- so later ones than the first MAX cannot come up.
local function turns_of(key)
  local raw = call('ZRANGE', key, '0', print_number(MAX - 1), 'WITHSCORES')
  local turns = { first = 1, last = #raw / 2 }
  for at = 1, turns.last do
    turns[at] = { number = tonumber(raw[2 * at - 1]), starts = tonumber(raw[2 * at]) }
  end
  return turns
end

local function lane_turns_of(team)
  if team.lone_lane ~= 0 then
    return { { number = team.lone_lane, starts = team.lone_starts }, first = 1, last = 1 }
  end
  return turns_of(turns_key(team.number))
end

-- The first has had its turn: puts it behind all that do not start later.
local function requeue(turns, starts)
  local turn, first, at = turns[turns.first], turns.first + 1, turns.last
  while at >= first and turns[at].starts > starts do
    turns[at + 1] = turns[at]
    at = at - 1
  end
  turn.starts = starts
  turns[at + 1] = turn
  turns.first, turns.last = first, turns.last + 1
end

-- How many were picked; their ids and lanes.
local count, ids, picked = 0, {}, {}
-- How far lines are read at a time: a lane that gets its share of the claims needs so much.
local ahead

local function open_team(team, team_max)
  team.turns, team.room = lane_turns_of(team), team_max - team.in_flight
end

local function open_line(lane)
  lane.line, lane.taken, lane.room, lane.is_read = {}, 0, lane.window - lane.in_flight, false
  lane.charge_ms = lane.mean_ms == NONE and MEAN_GUESS or max(1, lane.mean_ms)
  lane.charge = write('>I4I4I4', lane.number, lane.team, lane.charge_ms)
end

-- The next of the lane's line, nil when there is none.
local function next_of(lane)
  local line, at = lane.line, lane.taken + 1
  if line[at] == nil and not lane.is_read then
    local more = call('ZRANGE', line_of(lane),
      print_number(at - 1), print_number(at + ahead - 2))
    for nth = 1, #more do
      line[at + nth - 1] = more[nth]
    end
    lane.is_read = #more < ahead
  end
  return line[at]
end

-- Round teams, then round the lanes of each, while a team has fewer than `team_max` in
-- flight. Here is only what decides the order; `book` does the rest for all of a lane.
local function pick(team_turns, team_max)
  ahead = floor(MAX / max(1, team_turns.last)) + 2
  while count < MAX and team_turns.first <= team_turns.last do
    local team = team_at(team_turns[team_turns.first].number)
    if team.turns == nil then
      open_team(team, team_max)
    end
    local turns = team.turns
    local lane = lane_at(turns[turns.first].number)
    if lane.line == nil then
      open_line(lane)
    end
    count = count + 1
    ids[count], picked[count] = next_of(lane), lane
    lane.taken = lane.taken + 1
    team.room = team.room - 1
    lane.began, team.began = lane.starts, team.starts
    lane.starts = lane.starts + lane.charge_ms
    team.starts = team.starts + lane.charge_ms
    if lane.taken < lane.room and next_of(lane) then
      requeue(turns, lane.starts)
    else
      turns.first = turns.first + 1
    end
    if turns.first <= turns.last and team.room > 0 then
      requeue(team_turns, team.starts)
    else
      team_turns.first = team_turns.first + 1
    end
  end
end

-- Requests of the lane start; after a park the only one is the probe.
local function book(lane)
  local team = lane.home
  call('ZREMRANGEBYRANK', line_of(lane), '0', print_number(lane.taken - 1))
  lane.line = nil
  lane.was_told = 1
  if lane.park_until > 0 then
    lane.is_probing = 1
  end
  lane.in_flight = lane.in_flight + lane.taken
  team.in_flight = team.in_flight + lane.taken
  team.virtual_now = max(team.virtual_now, lane.began)
  meta.virtual_now = max(meta.virtual_now, team.began)
  touch_line(lane)
end

-- What was picked leaves its lines; only then are the lists right again.
local records = {}
local function lease_picked()
  local first = #records + 1
  if first > count then
    return
  end
  local found = call('HMGET', K .. ':e', unpack(ids, first))
  for at = first, count do
    local record = found[at - first + 1]
    records[at] = record
    if has_company(record) and chain(call('HGET', K .. ':t', task_of(record))) then
      places().set_leased(task_of(record), ids[at])
    end
  end
  for _, lane in pairs(lanes) do
    if lane.line then
      book(lane)
    end
  end
  relist_all()
end

-- All that were picked, as one batch under the token.
local function write_leases()
  local claims = {}
  for at = 1, count do
    claims[at] = ids[at] .. picked[at].charge
  end
  call('HSET', K .. ':c', TOKEN, string.rep(string.char(IN_FLIGHT), count) .. table.concat(claims))
  call('ZADD', K .. ':x', print_number(now + LEASE_MS), TOKEN)
  meta.ready = meta.ready - count
  meta.leased = meta.leased + count
end

-- The last two teams that were seen.
local function see_teams()
  local last = picked[count].team
  local at = count - 1
  while at > 0 and picked[at].team == last do
    at = at - 1
  end
  if at > 0 then
    meta.before_team, meta.before_at = picked[at].team, now
  elseif meta.last_team ~= last and meta.last_team ~= 0 then
    meta.before_team, meta.before_at = meta.last_team, meta.last_at
  end
  meta.last_team, meta.last_at = last, now
end

-- As many as there may be.
local function take(team_turns, team_max)
  pick(team_turns, team_max)
  lease_picked()
end

take(turns_of(TURNS), TEAM_MAX)
if count < MAX then
  local team = lone_team()
  if team then
    if count > 0 then
      see_teams()
    end
    if neighbours_gone(team) <= now then
      team.turns = nil
      take({ { number = team.number, starts = team.starts }, first = 1, last = 1 }, ALONE_MAX)
    end
  end
end
if count > 0 then
  see_teams()
  write_leases()
end

local names, named = {}, {}
local function name(lane)
  if not named[lane] then
    named[lane] = true
    local team_name = lane.home.name
    names[#names + 1] =
      write('>I4Hc0Hc0', lane.number, #team_name, team_name, #lane.origin, lane.origin)
  end
end
local claimed = {}
for at = 1, count do
  claimed[2 * at - 1], claimed[2 * at] = ids[at], records[at]
  name(picked[at])
end
for at = 2, #poisoned, 2 do
  name(lane_of(poisoned[at]))
end
local look = now
if count < MAX then
  look = next_change()
  meta.told = look
end
write_back()
return {
  meta.whole, now, look, call('ZCARD', TURNS), meta.last_at, table.concat(names),
  table.concat(claimed), table.concat(poisoned),
}

-- Lanes and teams: read once, changed in memory, and written once, with the shard's numbers, as
-- the last step of a verb. So a batch costs little more than one entry.
local lanes, teams = {}, {}
local TEAM = '<I4I4I4I4ddddB' -- then its name
local LANE = '<I4I4I4I4i4I4I4dI4I4ddddddBBBBc0' -- then its origin

local function keep_team(number, packed)
  local in_flight, lane_count, open_lanes, lone_lane, lone_starts, virtual_now, starts, listed,
    at_share, after = read(TEAM, packed)
  local team = {
    number = number, name = sub(packed, after), in_flight = in_flight,
    lane_count = lane_count, open_lanes = open_lanes, lone_lane = lone_lane,
    lone_starts = lone_starts, virtual_now = virtual_now, starts = starts, listed = listed,
    at_share = at_share, stirred = false, changed = false,
  }
  teams[number] = team
  return team
end

local function pack_team(team)
  return write(TEAM, team.in_flight, team.lane_count, team.open_lanes, team.lone_lane,
    team.lone_starts, team.virtual_now, team.starts, team.listed, team.at_share) .. team.name
end

local function team_at(number)
  return teams[number] or keep_team(number, call('HGET', K .. ':g', print_number(number)))
end

local function keep_lane(number, packed)
  local team, in_flight, window, successes, mean_ms, straight, failures, park_until,
    park_ms, limit, rests_until, starts, listed, front, blocked, stale, was_told, is_probing,
    is_parked, history, after = read(LANE, packed)
  local lane = {
    number = number, team = team, origin = sub(packed, after), in_flight = in_flight,
    window = window, was_told = was_told, successes = successes, mean_ms = mean_ms,
    straight = straight, history = history, failures = failures,
    park_until = park_until, park_ms = park_ms, is_probing = is_probing,
    limit = limit, rests_until = rests_until, starts = starts, listed = listed, front = front,
    blocked = blocked, stale = stale, is_parked = is_parked, home = team_at(team),
    stirred = false, changed = false, line_moved = false, counted_window = window,
  }
  lanes[number] = lane
  return lane
end

local function pack_lane(lane)
  meta.windows = meta.windows + lane.window - lane.counted_window
  lane.counted_window = lane.window
  return write(LANE, lane.team, lane.in_flight, lane.window, lane.successes,
    lane.mean_ms, lane.straight, lane.failures, lane.park_until, lane.park_ms, lane.limit,
    lane.rests_until, lane.starts, lane.listed, lane.front, lane.blocked, lane.stale, lane.was_told,
    lane.is_probing, lane.is_parked, #lane.history, lane.history) .. lane.origin
end

local function lane_at(number)
  return lanes[number] or keep_lane(number, call('HGET', K .. ':l', print_number(number)))
end

-- Counts entries of a lane and its team, apart from their records: settling need not read
-- those. Returns how many the lane has now.
local function count_entries(lane_number, team_number, by)
  call('HINCRBY', K .. ':k', 't' .. print_number(team_number), print_number(by))
  return call('HINCRBY', K .. ':k', print_number(lane_number), print_number(by))
end

-- The key of its ready entries.
local function line_of(lane)
  return K .. ':r:' .. print_number(lane.number)
end

-- To be called with every lane whose slots or pace changed: its lists follow when they are
-- brought in line, its record at the end.
local function touch(lane)
  if not lane.stirred then
    lane.stirred = true
    lane.changed = true
    lane.home.stirred = true
    lane.home.changed = true
  end
end

-- As touch, when its line of ready entries changed.
local function touch_line(lane)
  lane.line_moved = true
  touch(lane)
end

local function call_with_all(command, key, list)
  -- unpack ends near 8000 values.
  for at = 1, #list, 4000 do
    call(command, key, unpack(list, at, min(at + 3999, #list)))
  end
end

-- Writes the time at which something is listed, when it differs from what is written.
local function relist(key, it, field, wanted)
  if it[field] ~= wanted then
    if wanted == NONE then
      call('ZREM', key, print_number(it.number))
    else
      call('ZADD', key, print_number(wanted), print_number(it.number))
    end
    it[field] = wanted
  end
end

-- As relist, for many members of one list in one call: `list_later` for each, then `list_all`.
local to_list, to_unlist = {}, {}
local function list_later(key, it, field, wanted)
  if it[field] ~= wanted then
    local lists = wanted == NONE and to_unlist or to_list
    local list = lists[key]
    if list == nil then
      list = {}
      lists[key] = list
    end
    local at = #list
    if wanted == NONE then
      list[at + 1] = print_number(it.number)
    else
      list[at + 1], list[at + 2] = print_number(wanted), print_number(it.number)
    end
    it[field] = wanted
  end
end

local function list_all()
  for key, list in pairs(to_list) do
    call_with_all('ZADD', key, list)
  end
  for key, list in pairs(to_unlist) do
    call_with_all('ZREM', key, list)
  end
  to_list, to_unlist = {}, {}
end

-- No request may start before this time; NONE if that is no later than now.
local function blocked_until(lane)
  local till = max(lane.park_until, lane.rests_until)
  return till > now and till or NONE
end

-- Whoever was away starts level with the others instead of catching up.
local function turn_of(it, may_go, virtual_now)
  if not may_go then
    return NONE
  end
  if it.listed == NONE then
    it.starts = max(it.starts, virtual_now)
  end
  return it.starts
end

-- Claims may find something at this time, sooner than the sleeping workers know.
local soonest = NONE
local function sooner(time)
  if soonest == NONE or time < soonest then
    soonest = time
  end
end

local FRONTS, BLOCKED, TURNS = K .. ':f', K .. ':b', K .. ':o'

-- Of the lanes of a team that may go.
local function turns_key(team_number)
  return TURNS .. ':' .. print_number(team_number)
end

-- Writes the turn of a lane among those of its team. A lone one needs no list.
local function list_turn(lane, turn)
  local team = lane.home
  local is_lone = team.lone_lane == lane.number
  if is_lone or turn ~= NONE and lane.listed == NONE and team.open_lanes == 1 then
    team.lone_lane = turn ~= NONE and lane.number or 0
    team.lone_starts = turn
    lane.listed = turn
    return
  end
  local turns = turns_key(lane.team)
  if team.lone_lane ~= 0 and turn ~= NONE then
    call('ZADD', turns, print_number(team.lone_starts), print_number(team.lone_lane))
    team.lone_lane = 0
  end
  list_later(turns, lane, 'listed', turn)
end

local function refresh_lane(lane)
  local team = lane.home
  if lane.line_moved then
    local first = call('ZRANGE', line_of(lane), '0', '0', 'WITHSCORES')
    list_later(FRONTS, lane, 'front', tonumber(first[2]) or NONE)
    lane.line_moved = false
  end
  local has_room = lane.front ~= NONE and lane.in_flight < lane.window
  local blocked = has_room and blocked_until(lane) or NONE
  list_later(BLOCKED, lane, 'blocked', blocked)
  if blocked ~= NONE then
    sooner(blocked)
  end
  local was_open = lane.listed ~= NONE
  local turn = turn_of(lane, has_room and blocked == NONE, team.virtual_now)
  local is_open = turn ~= NONE
  if is_open ~= was_open then
    local more = is_open and 1 or -1
    team.open_lanes = team.open_lanes + more
    meta.open = meta.open + more
  end
  list_turn(lane, turn)
  local is_parked = lane.park_until > 0 and 1 or 0
  if is_parked ~= lane.is_parked then
    meta.parked = meta.parked + is_parked - lane.is_parked
    lane.is_parked = is_parked
  end
end

local function refresh_team(team)
  local is_below = team.in_flight < TEAM_MAX
  local has_open = team.open_lanes > 0
  list_later(TURNS, team, 'listed', turn_of(team, has_open and is_below, meta.virtual_now))
  if team.listed ~= NONE then
    sooner(now)
  end
  local at_share = has_open and not is_below and 1 or 0
  if at_share ~= team.at_share then
    call(at_share == 1 and 'SADD' or 'SREM', K .. ':a', team.number)
    team.at_share = at_share
  end
end

-- Brings every list in line with what was touched.
local function relist_all()
  for _, lane in pairs(lanes) do
    if lane.stirred and not lane.is_gone then
      lane.stirred = false
      refresh_lane(lane)
    end
  end
  for _, team in pairs(teams) do
    if team.stirred and not team.is_gone then
      team.stirred = false
      refresh_team(team)
    end
  end
  list_all()
end

local function write_changed(key, kept, pack)
  local packed = {}
  for number, it in pairs(kept) do
    if it.changed and not it.is_gone then
      local at = #packed
      packed[at + 1], packed[at + 2] = print_number(number), pack(it)
      it.changed = false
    end
  end
  call_with_all('HSET', key, packed)
end

-- Lists, lanes, teams and numbers as they are now. The last step of every verb that changes.
local function write_back()
  relist_all()
  write_changed(K .. ':l', lanes, pack_lane)
  write_changed(K .. ':g', teams, pack_team)
  local packed = write(META, meta.whole, meta.told, meta.ready, meta.held, meta.leased,
    meta.parked, meta.last_team, meta.last_at, meta.before_team, meta.before_at,
    meta.virtual_now, meta.teams_made, meta.lanes_made, meta.rebuild, meta.rebuild_at, meta.open,
    meta.windows)
  if packed ~= meta_before then
    call('SET', K .. ':m', packed)
    meta_before = packed
  end
end

-- Wakes the workers when there is something sooner than they were told.
local function announce()
  if soonest ~= NONE and (meta.told == NONE or soonest < meta.told) then
    meta.told = soonest
    call('PUBLISH', WAKE, SHARD .. ' ' .. print_number(soonest - now))
  end
end

-- The last step of a verb that may make something claimable.
local function finish()
  relist_all()
  announce()
  write_back()
end

-- Frees a slot of the lane and sets right by how much it was charged too little or too much.
local function free(lane, charged_ms, used_ms)
  local team, more_ms = lane.home, used_ms - charged_ms
  lane.in_flight = lane.in_flight - 1
  team.in_flight = team.in_flight - 1
  if more_ms ~= 0 then
    lane.starts = max(0, lane.starts + more_ms)
    team.starts = max(0, team.starts + more_ms)
  end
  touch(lane)
end

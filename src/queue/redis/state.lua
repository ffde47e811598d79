-- One shard: what every verb reads first and writes last. Lanes and teams are read once,
-- changed in memory, and written once, so a batch costs little more than one entry.
--
-- Keys, all with the shard's hash tag in K (numbers are those of lanes and teams):
--   :m        numbers of the shard, packed :n hash   team, team NUL origin -> number
--   :l hash   lane -> packed               :g hash   team -> packed
--   :e hash   id -> record (see places)    :t hash   task -> id, or * with the id under way
--   :t:<task> zset   ids of a task that has several
--   :s zset   scheduled ids by due time    :x zset   leased ids by end of lease
--   :r:<lane> zset   ready ids by due time :h:<team> set   held ids
--   :o zset   teams that may go, by virtual start     :o:<team> zset   lanes likewise
--   :a set    teams at their share         :b zset   lanes by end of park or rest
--   :f zset   lanes by first due time      :i zset   lanes without entries by staleness
--   :w hash   worker -> alive until, slots (pulse.lua, in one shard)
local K, call = KEYS[1], redis.call
local sub, byte, max, min = string.sub, string.byte, math.max, math.min
local read, write = struct.unpack, struct.pack
local NONE = -1
local now, ELSEWHERE_AT, IDLE_LANE_MS, LANE_MAX, TEAM_MAX, ALONE_MAX, WINDOW_START, LEASE_MS,
  ABANDONED_MAX, SLOT_MS_GUESS, NEIGHBOUR_MS, IDLE_LANES_MAX, STRAIGHT_MAX, SAMPLE,
  FAILED_PERCENT, PARK_MS_FIRST, PARK_MS_MAX =
  read('>I8I8I8I4I4I4I4I4I4I4I4I4I4I4I4I4I4', ARGV[1])
local WAKE, SHARD = ARGV[2], ARGV[3]
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Numbers as Redis is told them: it would print each as a float, which is slow.
local printed = {}
local function print_number(number)
  local text = printed[number]
  if text == nil then
    text = string.format('%.0f', number)
    printed[number] = text
  end
  return text
end

local packed_meta = call('GET', K .. ':m')
local meta, meta_changed = packed_meta and cmsgpack.unpack(packed_meta) or {}, false

local function get(name)
  return meta[name] or 0
end

local function set(name, value)
  if meta[name] ~= value then
    meta[name] = value
    meta_changed = true
  end
end

local function add(name, by)
  set(name, get(name) + by)
end

local lanes, teams = {}, {}

local function team_at(number)
  local team = teams[number]
  if team == nil then
    local name, entries, in_flight, lane_count, open_lanes, virtual_now, starts, listed, at_share =
      unpack(cmsgpack.unpack(call('HGET', K .. ':g', number)))
    team = {
      number = number, name = name, entries = entries, in_flight = in_flight,
      lane_count = lane_count, open_lanes = open_lanes, virtual_now = virtual_now,
      starts = starts, listed = listed, at_share = at_share,
    }
    teams[number] = team
  end
  return team
end

local function lane_at(number)
  local lane = lanes[number]
  if lane == nil then
    local team, origin, entries, in_flight, window, was_called, successes, mean_ms, straight,
      history, failures, park_until, park_ms, is_probing, rests_until, starts, listed, front,
      blocked, stale, is_parked = unpack(cmsgpack.unpack(call('HGET', K .. ':l', number)))
    lane = {
      number = number, team = team, origin = origin, entries = entries, in_flight = in_flight,
      window = window, was_called = was_called, successes = successes, mean_ms = mean_ms,
      straight = straight, history = history, failures = failures, park_until = park_until,
      park_ms = park_ms, is_probing = is_probing, rests_until = rests_until, starts = starts,
      listed = listed, front = front, blocked = blocked, stale = stale, is_parked = is_parked,
      home = team_at(team),
    }
    lanes[number] = lane
  end
  return lane
end

-- To be called with every lane whose line, slots or pace changed: its lists follow when
-- they are brought in line, its record at the end.
local function touch(lane)
  if not lane.stirred then
    lane.stirred = true
    lane.changed = true
    lane.home.stirred = true
    lane.home.changed = true
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

local function refresh_lane(lane)
  local team = lane.home
  local first = call('ZRANGE', K .. ':r:' .. lane.number, 0, 0, 'WITHSCORES')
  relist(K .. ':f', lane, 'front', tonumber(first[2]) or NONE)
  local has_room = first[1] and lane.in_flight < lane.window
  local blocked = has_room and blocked_until(lane) or NONE
  relist(K .. ':b', lane, 'blocked', blocked)
  if blocked ~= NONE then
    sooner(blocked)
  end
  local was_open = lane.listed ~= NONE
  local turn = turn_of(lane, has_room and blocked == NONE, team.virtual_now)
  relist(K .. ':o:' .. lane.team, lane, 'listed', turn)
  local is_open = lane.listed ~= NONE
  if is_open ~= was_open then
    team.open_lanes = team.open_lanes + (is_open and 1 or -1)
  end
  local is_parked = lane.park_until > 0 and 1 or 0
  add('parked', is_parked - lane.is_parked)
  lane.is_parked = is_parked
end

local function refresh_team(team)
  local is_below = team.in_flight < TEAM_MAX
  local has_open = team.open_lanes > 0
  relist(K .. ':o', team, 'listed', turn_of(team, has_open and is_below, get('virtual_now')))
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
      lane.stirred = nil
      refresh_lane(lane)
    end
  end
  for _, team in pairs(teams) do
    if team.stirred and not team.is_gone then
      team.stirred = nil
      refresh_team(team)
    end
  end
end

local function call_with_all(command, key, list)
  -- unpack ends near 8000 values.
  for at = 1, #list, 4000 do
    call(command, key, unpack(list, at, min(at + 3999, #list)))
  end
end

-- Lists, lanes, teams and numbers as they are now. The last step of every verb that changes.
local function write_back()
  relist_all()
  local packed = {}
  for number, lane in pairs(lanes) do
    if lane.changed and not lane.is_gone then
      packed[#packed + 1] = print_number(number)
      packed[#packed + 1] = cmsgpack.pack({
        lane.team, lane.origin, lane.entries, lane.in_flight, lane.window, lane.was_called,
        lane.successes, lane.mean_ms, lane.straight, lane.history, lane.failures,
        lane.park_until, lane.park_ms, lane.is_probing, lane.rests_until, lane.starts,
        lane.listed, lane.front, lane.blocked, lane.stale, lane.is_parked,
      })
      lane.changed = nil
    end
  end
  call_with_all('HSET', K .. ':l', packed)
  packed = {}
  for number, team in pairs(teams) do
    if team.changed and not team.is_gone then
      packed[#packed + 1] = print_number(number)
      packed[#packed + 1] = cmsgpack.pack({
        team.name, team.entries, team.in_flight, team.lane_count, team.open_lanes,
        team.virtual_now, team.starts, team.listed, team.at_share,
      })
      team.changed = nil
    end
  end
  call_with_all('HSET', K .. ':g', packed)
  if meta_changed then
    call('SET', K .. ':m', cmsgpack.pack(meta))
    meta_changed = false
  end
end

-- Wakes the workers when there is something sooner than they were told.
local function announce()
  local told = meta.told or NONE
  if soonest ~= NONE and (told == NONE or soonest < told) then
    set('told', soonest)
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

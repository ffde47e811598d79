-- Where entries are, and the order within a task. An entry's record, big-endian:
--   lane 4, flags 1 (bit 0: makes way for newer ones), abandoned 1, due 6, task 16,
--   and while it is claimed: token 8, charge 4, in flight 1.
-- It is ready, scheduled, held, leased, or waits behind an older one of its task: in the
-- list of its place and in no other; one that waits is in none.
local UNLEASED_BYTES = 28

local function lane_of(record)
  return lane_at((read('>I4', record)))
end

local function task_of(record)
  return sub(record, 13, 28)
end

local function due_of(record)
  return (read('>I6', record, 7))
end

local function makes_way(record)
  return byte(record, 5) % 2 == 1
end

local function is_leased(record)
  return #record > UNLEASED_BYTES
end

local function record_of(id)
  return call('HGET', K .. ':e', id)
end

local function save(id, record)
  call('HSET', K .. ':e', id, record)
end

local function with_due(record, due, abandoned)
  return sub(record, 1, 5) .. write('>BI6', abandoned, due) .. sub(record, 13, 28)
end

local function count_in(lane)
  lane.entries = lane.entries + 1
  lane.home.entries = lane.home.entries + 1
  if lane.stale ~= NONE then
    relist(K .. ':i', lane, 'stale', NONE)
  end
  touch(lane)
end

-- Lane and team by name, made if they are not known; one more entry in both.
local function enter(team_name, origin)
  local lane_name = team_name .. '\0' .. origin
  local number = tonumber(call('HGET', K .. ':n', lane_name))
  local lane
  if number then
    lane = lane_at(number)
  else
    local team_number = tonumber(call('HGET', K .. ':n', team_name))
    if not team_number then
      add('teams_made', 1)
      team_number = get('teams_made')
      teams[team_number] = {
        number = team_number, name = team_name, entries = 0, in_flight = 0, lane_count = 0,
        open_lanes = 0, virtual_now = 0, starts = 0, listed = NONE, at_share = 0,
      }
      call('HSET', K .. ':n', team_name, team_number)
    end
    add('lanes_made', 1)
    number = get('lanes_made')
    call('HSET', K .. ':n', lane_name, number)
    lane = {
      number = number, team = team_number, origin = origin, entries = 0, in_flight = 0,
      window = max(1, min(WINDOW_START, LANE_MAX)), was_called = 0, successes = 0,
      mean_ms = NONE, straight = 0, history = '', failures = 0, park_until = 0, park_ms = 0,
      is_probing = 0, rests_until = 0, starts = 0, listed = NONE, front = NONE, blocked = NONE,
      stale = NONE, is_parked = 0, home = team_at(team_number),
    }
    lanes[number] = lane
    lane.home.lane_count = lane.home.lane_count + 1
  end
  count_in(lane)
  return lane
end

-- Everything that is known about a lane without entries.
local function forget(lane)
  local team = lane.home
  refresh_lane(lane)
  relist(K .. ':i', lane, 'stale', NONE)
  add('parked', -lane.is_parked)
  call('HDEL', K .. ':n', team.name .. '\0' .. lane.origin)
  call('HDEL', K .. ':l', lane.number)
  lane.is_gone = true
  team.lane_count = team.lane_count - 1
  team.stirred = true
  team.changed = true
  if team.lane_count == 0 then
    refresh_team(team)
    call('HDEL', K .. ':n', team.name)
    call('HDEL', K .. ':g', team.number)
    team.is_gone = true
    if get('before_team') == team.number then
      set('before_team', 0)
    end
    if get('last_team') == team.number then
      set('last_team', get('before_team'))
      set('last_at', get('before_at'))
      set('before_team', 0)
    end
  end
end

-- One entry less; a lane without any is forgotten, later if it taught us something.
local function leave(lane)
  lane.entries = lane.entries - 1
  lane.home.entries = lane.home.entries - 1
  touch(lane)
  if lane.entries > 0 then
    return
  end
  if lane.was_called == 0 and lane.rests_until == 0 then
    forget(lane)
  else
    relist(K .. ':i', lane, 'stale', max(blocked_until(lane), now) + IDLE_LANE_MS)
  end
end

-- Out of the list of its place, if it is in one. Not for leased ones.
local function withdraw(id, record)
  local lane = lane_of(record)
  if call('ZREM', K .. ':r:' .. lane.number, id) == 1 then
    add('ready', -1)
    touch(lane)
  elseif call('ZREM', K .. ':s', id) == 0 and call('SREM', K .. ':h:' .. lane.team, id) == 1 then
    add('held', -1)
  end
end

local function is_waiting(id, record)
  local lane = lane_of(record)
  return not (call('ZSCORE', K .. ':r:' .. lane.number, id) or call('ZSCORE', K .. ':s', id))
    and call('SISMEMBER', K .. ':h:' .. lane.team, id) == 0
end

local function hold(id, record)
  call('SADD', K .. ':h:' .. lane_of(record).team, id)
  add('held', 1)
end

-- Of one that waits: into its lane's line, or into the schedule until it is due.
local function line_up(id, record)
  local due = due_of(record)
  if due <= now then
    local lane = lane_of(record)
    call('ZADD', K .. ':r:' .. lane.number, print_number(due), id)
    add('ready', 1)
    touch(lane)
  else
    call('ZADD', K .. ':s', print_number(due), id)
    sooner(due)
  end
end

-- What has become due goes into its lane's line. At most 1000 at a time: the next claim
-- is due at once when there are more.
local function promote()
  local due = call('ZRANGE', K .. ':s', '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)
  if #due == 0 then
    return
  end
  call_with_all('ZREM', K .. ':s', due)
  local records = call('HMGET', K .. ':e', unpack(due))
  for at, id in ipairs(due) do
    line_up(id, records[at])
  end
end

-- Lanes whose park or rest has ended.
local function wake()
  for _, number in ipairs(call('ZRANGE', K .. ':b', '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
    touch(lane_at(tonumber(number)))
  end
end

-- A task with several entries: which is under way; nil when it has one at most.
local function chain(value)
  if value and #value ~= 16 then
    return sub(value, 2)
  end
end

local function set_leased(task, id)
  call('HSET', K .. ':t', task, '*' .. id)
end

local function has_newer(task, id)
  local value = call('HGET', K .. ':t', task)
  if not value then
    return false
  end
  local newest = chain(value) and call('ZRANGE', K .. ':t:' .. task, -1, -1)[1] or value
  return newest > id
end

-- The task's oldest entry and its record; nil while one of the task is under way.
local function head_of(task)
  local value = call('HGET', K .. ':t', task)
  local leased = chain(value)
  if not value or (leased and leased ~= '') then
    return nil
  end
  local head = leased and call('ZRANGE', K .. ':t:' .. task, 0, 0)[1] or value
  local record = record_of(head)
  if not is_leased(record) then
    return head, record
  end
end

-- Lets the task's oldest entry go, if it waits and nothing of the task is under way.
local function admit(task)
  local head, record = head_of(task)
  if head and is_waiting(head, record) then
    line_up(head, record)
  end
end

-- Takes back what admit did: an older entry may be about to come.
local function demote(task)
  local head, record = head_of(task)
  if head and call('SISMEMBER', K .. ':h:' .. lane_of(record).team, head) == 0 then
    withdraw(head, record)
  end
end

local function join_task(task, id)
  local value = call('HGET', K .. ':t', task)
  if not value then
    call('HSET', K .. ':t', task, id)
    return
  end
  if not chain(value) then
    call('ZADD', K .. ':t:' .. task, 0, value)
    set_leased(task, is_leased(record_of(value)) and value or '')
  end
  call('ZADD', K .. ':t:' .. task, 0, id)
end

-- Takes an entry out of its task. True when others of the task remain.
local function leave_task(task, id)
  local leased = chain(call('HGET', K .. ':t', task))
  if not leased then
    call('HDEL', K .. ':t', task)
    return false
  end
  call('ZREM', K .. ':t:' .. task, id)
  if leased == id then
    set_leased(task, '')
  end
  if call('ZCARD', K .. ':t:' .. task) == 1 then
    call('HSET', K .. ':t', task, call('ZRANGE', K .. ':t:' .. task, 0, 0)[1])
    call('DEL', K .. ':t:' .. task)
  end
  return true
end

-- Ends a lease; the entry waits. Returns its record. With `refund` nothing is charged.
local function unlease(id, record, refund)
  call('ZREM', K .. ':x', id)
  local charge_ms, in_flight = read('>I4B', record, 37)
  if in_flight == 1 then
    free(lane_of(record), charge_ms, refund and 0 or charge_ms)
  end
  record = sub(record, 1, UNLEASED_BYTES)
  local task = task_of(record)
  if chain(call('HGET', K .. ':t', task)) == id then
    set_leased(task, '')
  end
  return record
end

-- One that is in no list leaves for good; lets its task go on.
local function take_out_waiting(id, record)
  call('HDEL', K .. ':e', id)
  local task = task_of(record)
  local others_remain = leave_task(task, id)
  leave(lane_of(record))
  if others_remain then
    admit(task)
  end
end

-- For good, whatever its place.
local function take_out(id, record)
  if is_leased(record) then
    record = unlease(id, record, false)
  else
    withdraw(id, record)
  end
  take_out_waiting(id, record)
end

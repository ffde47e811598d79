-- Entries and lanes coming, moving and leaving one at a time, and the order within a task. Most
-- calls need none of it, so it is made when it is first asked for: `places()`.

local function with_company(record)
  local flags = byte(record, 5) % HAS_COMPANY + HAS_COMPANY
  return sub(record, 1, 4) .. string.char(flags) .. sub(record, 6)
end

local function new_team(name)
  local number = meta.teams_made + 1
  meta.teams_made = number
  teams[number] = {
    number = number, name = name, in_flight = 0, lane_count = 0, open_lanes = 0, lone_lane = 0,
    lone_starts = NONE, virtual_now = 0, starts = 0, listed = NONE, at_share = 0,
  }
  call('HSET', K .. ':n', name, number)
  return number
end

local function new_lane(team, origin)
  local number = meta.lanes_made + 1
  meta.lanes_made = number
  local lane = {
    number = number, team = team.number, origin = origin, in_flight = 0,
    window = max(1, min(WINDOW_START, LANE_MAX)), was_told = 0, successes = 0,
    mean_ms = NONE, straight = 0, history = '', failures = 0, park_until = 0, park_ms = 0,
    is_probing = 0, limit = 0, rests_until = 0, starts = 0, listed = NONE, front = NONE, blocked = NONE,
    stale = NONE, is_parked = 0, home = team, counted_window = 0,
  }
  lanes[number] = lane
  team.lane_count = team.lane_count + 1
  call('HSET', K .. ':n', team.name .. '\0' .. origin, number)
  return lane
end

-- Lane and team by name, made if they are not known. One more entry in it is to be counted.
local function enter(team_name, origin)
  local number = tonumber(call('HGET', K .. ':n', team_name .. '\0' .. origin))
  local lane
  if number then
    lane = lane_at(number)
  else
    local team_number = tonumber(call('HGET', K .. ':n', team_name)) or new_team(team_name)
    lane = new_lane(team_at(team_number), origin)
  end
  if lane.stale ~= NONE then
    relist(K .. ':i', lane, 'stale', NONE)
  end
  touch(lane)
  return lane
end

-- Everything that is known about a lane without entries.
local function forget(lane)
  local team = lane.home
  refresh_lane(lane)
  relist(K .. ':i', lane, 'stale', NONE)
  meta.parked = meta.parked - lane.is_parked
  meta.windows = meta.windows - lane.counted_window
  call('HDEL', K .. ':n', team.name .. '\0' .. lane.origin)
  call('HDEL', K .. ':l', lane.number)
  call('HDEL', K .. ':k', lane.number)
  lane.is_gone = true
  team.lane_count = team.lane_count - 1
  team.stirred = true
  team.changed = true
  if team.lane_count == 0 then
    refresh_team(team)
    call('HDEL', K .. ':n', team.name)
    call('HDEL', K .. ':g', team.number)
    call('HDEL', K .. ':k', 't' .. team.number)
    team.is_gone = true
    if meta.before_team == team.number then
      meta.before_team = 0
    end
    if meta.last_team == team.number then
      meta.last_team, meta.last_at, meta.before_team = meta.before_team, meta.before_at, 0
    end
  end
  list_all()
end

-- A lane without entries is forgotten, later if it taught us something, and never while the
-- operator limits it.
local function idle(lane)
  touch(lane)
  if lane.limit > 0 then
    return
  end
  if lane.was_told == 0 and lane.rests_until == 0 then
    forget(lane)
  else
    relist(K .. ':i', lane, 'stale', max(blocked_until(lane), now) + IDLE_LANE_MS)
  end
end

-- One entry less.
local function leave(lane)
  if count_entries(lane.number, lane.team, -1) == 0 then
    idle(lane)
  end
end

-- Out of the list of its place, if it is in one.
local function withdraw(id, record)
  local lane = lane_of(record)
  if call('ZREM', line_of(lane), id) == 1 then
    meta.ready = meta.ready - 1
    touch_line(lane)
  elseif call('ZREM', K .. ':s', id) == 0 and call('SREM', K .. ':h:' .. lane.team, id) == 1 then
    meta.held = meta.held - 1
  end
end

-- Ready, scheduled or held.
local function is_listed(id, record)
  local lane = lane_of(record)
  return (call('ZSCORE', line_of(lane), id) or call('ZSCORE', K .. ':s', id)
    or call('SISMEMBER', K .. ':h:' .. lane.team, id) == 1) and true or false
end

local function hold(id, record)
  call('SADD', K .. ':h:' .. lane_of(record).team, id)
  meta.held = meta.held + 1
end

-- Of one that waits: into its lane's line, or into the schedule until it is due.
local function line_up(id, record)
  local due = due_of(record)
  if due <= now then
    local lane = lane_of(record)
    call('ZADD', line_of(lane), print_number(due), id)
    meta.ready = meta.ready + 1
    touch_line(lane)
  else
    call('ZADD', K .. ':s', print_number(due), id)
    sooner(due)
  end
end

local function set_leased(task, id)
  call('HSET', K .. ':t', task, '*' .. id)
end

local function is_leased(id, record)
  local leased = chain(call('HGET', K .. ':t', task_of(record)))
  if leased then
    return leased == id
  end
  return not is_listed(id, record)
end

local function has_newer(task, id)
  local value = call('HGET', K .. ':t', task)
  if not value then
    return false
  end
  local newest = chain(value) and call('ZRANGE', K .. ':t:' .. task, -1, -1)[1] or value
  return newest > id
end

-- The task's oldest entry; nil while one of several is under way.
local function head_of(task)
  local value = call('HGET', K .. ':t', task)
  local leased = chain(value)
  if not value or (leased and leased ~= '') then
    return nil
  end
  return leased and call('ZRANGE', K .. ':t:' .. task, 0, 0)[1] or value
end

-- Lets the task's oldest entry go, if it waits and nothing of the task is under way. Not
-- for a task whose only entry may be leased.
local function admit(task)
  local head = head_of(task)
  local record = head and record_of(head)
  if record and not is_listed(head, record) then
    line_up(head, record)
  end
end

-- Takes back what admit did: an older entry may be about to come.
local function demote(task)
  local head = head_of(task)
  local record = head and record_of(head)
  if record and call('SISMEMBER', K .. ':h:' .. lane_of(record).team, head) == 0 then
    withdraw(head, record)
  end
end

-- Makes a task of one, if it is that, a task of several.
local function expect_company(task)
  local value = call('HGET', K .. ':t', task)
  if value and not chain(value) then
    local record = record_of(value)
    call('ZADD', K .. ':t:' .. task, 0, value)
    set_leased(task, is_leased(value, record) and value or '')
    save(value, with_company(record))
  end
end

-- A new entry of its task, which is one of several or of none.
local function join_task(task, id, record)
  if call('HEXISTS', K .. ':t', task) == 1 then
    call('ZADD', K .. ':t:' .. task, 0, id)
    record = with_company(record)
  else
    call('HSET', K .. ':t', task, id)
  end
  save(id, record)
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
    leased = ''
    set_leased(task, leased)
  end
  -- The only one left is not known to be leased any more unless the task says so.
  local left = call('ZCARD', K .. ':t:' .. task)
  if left == 0 then
    call('HDEL', K .. ':t', task)
  elseif left == 1 and leased == '' then
    call('HSET', K .. ':t', task, call('ZRANGE', K .. ':t:' .. task, 0, 0)[1])
    call('DEL', K .. ':t:' .. task)
  end
  return left > 0
end

-- Its claim has ended; it waits.
local function return_to_task(task, id)
  if chain(call('HGET', K .. ':t', task)) == id then
    set_leased(task, '')
  end
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

return {
  enter = enter, forget = forget, idle = idle, leave = leave, withdraw = withdraw, hold = hold,
  line_up = line_up, set_leased = set_leased, is_leased = is_leased, has_newer = has_newer,
  admit = admit, demote = demote, expect_company = expect_company, join_task = join_task,
  return_to_task = return_to_task, take_out_waiting = take_out_waiting,
}

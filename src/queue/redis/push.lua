-- Adds entries; one already present is left as it is. ARGV[4]: the token of the rebuild
-- that pushes, or 0. While the shard is not whole, only the rebuild may push: what came
-- later would overtake what is not here yet. ARGV[5]: how many lanes; then team and origin
-- of each; then the entries, packed: id 16, lane (from 1) 4, flags 1 (bit 0 makes way, bit
-- 1 held), ms until due 8 (signed), task 16. Answers {whole, now, soonest, superseded ids},
-- the last only if they were taken.
local token = tonumber(ARGV[4])
if token == 0 and get('whole') == 0 or token ~= 0 and get('rebuild') ~= token then
  return { get('whole'), now, NONE }
end
local FIRST = 6 + 2 * tonumber(ARGV[5])

local ids, tasks = {}, {}
for at = FIRST, #ARGV do
  ids[#ids + 1] = sub(ARGV[at], 1, 16)
  tasks[#tasks + 1] = sub(ARGV[at], 30, 45)
end
local superseded, known, busy = {}, {}, {}
for at, found in ipairs(call('HMGET', K .. ':e', unpack(ids))) do
  known[ids[at]] = found and true or nil
end
for at, found in ipairs(call('HMGET', K .. ':t', unpack(tasks))) do
  busy[tasks[at]] = found and true or nil
end

local saved, joined, ready, scheduled, ready_count = {}, {}, {}, {}, 0
local function write_simple()
  add('ready', ready_count)
  call_with_all('HSET', K .. ':e', saved)
  call_with_all('HSET', K .. ':t', joined)
  call_with_all('ZADD', K .. ':s', scheduled)
  for number, line in pairs(ready) do
    call_with_all('ZADD', K .. ':r:' .. number, line)
  end
  saved, joined, ready, scheduled, ready_count = {}, {}, {}, {}, 0
end

-- Nothing else of its task is here, so everything goes in batches.
local function push_alone(id, task, lane, due, record)
  local at = #saved
  saved[at + 1], saved[at + 2] = id, record
  joined[at + 1], joined[at + 2] = task, id
  if due <= now then
    local line = ready[lane.number]
    if line == nil then
      line = {}
      ready[lane.number] = line
    end
    at = #line
    line[at + 1], line[at + 2] = print_number(due), id
    ready_count = ready_count + 1
  else
    scheduled[#scheduled + 1] = print_number(due)
    scheduled[#scheduled + 1] = id
    sooner(due)
  end
end

-- Older ones of the task that want to make way and are not under way, newest first.
local function supersede_older(task, id)
  local value = call('HGET', K .. ':t', task)
  local older = { value }
  if chain(value) then
    older = call('ZRANGE', K .. ':t:' .. task, '(' .. id, '-', 'BYLEX', 'REV', 'LIMIT', 0, 1000)
  end
  for _, other in ipairs(older) do
    local record = record_of(other)
    if other < id and makes_way(record) and not is_leased(record) then
      superseded[#superseded + 1] = other
      known[other] = nil
      take_out(other, record)
    end
  end
end

-- The lane of this number in ARGV; one more entry in it.
local entered = {}
local function enter_lane(number)
  local lane = entered[number]
  if lane == nil or lane.is_gone then
    lane = enter(ARGV[4 + 2 * number], ARGV[5 + 2 * number])
    entered[number] = lane
  else
    count_in(lane)
  end
  return lane
end

-- Older ones of its task are here: true when it goes behind them, false when it makes way.
local function make_room(task, id, gives_way)
  write_simple()
  if gives_way and has_newer(task, id) then
    return false
  end
  if call('HEXISTS', K .. ':t', task) == 1 then
    supersede_older(task, id)
  end
  demote(task)
  return true
end

local function push(id, task, packed)
  local lane_number, flags, due_ms = read('>I4Bi8', packed, 17)
  local due, gives_way, held = max(0, now + due_ms), flags % 2 == 1, flags >= 2
  if busy[task] and not make_room(task, id, gives_way) then
    superseded[#superseded + 1] = id
    return
  end
  known[id] = true
  local lane = enter_lane(lane_number)
  local record = write('>I4BBI6', lane.number, gives_way and 1 or 0, 0, due) .. task
  if busy[task] or held then
    save(id, record)
    join_task(task, id)
    if held then
      hold(id, record)
    end
    admit(task)
  else
    push_alone(id, task, lane, due, record)
  end
  busy[task] = true
end

for at = 1, #ids do
  local id = ids[at]
  if not known[id] then
    push(id, tasks[at], ARGV[FIRST - 1 + at])
  end
end
write_simple()
finish()
return { get('whole'), now, soonest, superseded }

-- Adds entries; one already present is left as it is. ARGV[4]: the token of the rebuild
-- that pushes, or 0. While the shard is not whole, only the rebuild may push: what came
-- later would overtake what is not here yet. ARGV[5]: how many lanes; then team and origin
-- of each; then five values an entry: id, lane (from 1), flags (bit 0 makes way, bit 1
-- held), ms until due, task. Answers {whole, now, soonest, superseded
-- ids}, the last only if it was taken.
local token = tonumber(ARGV[4])
if token == 0 and get('whole') == 0 or token ~= 0 and get('rebuild') ~= token then
  return { get('whole'), now, NONE }
end
local LANES, PER_ENTRY = tonumber(ARGV[5]), 5
local FIRST = 6 + 2 * LANES

local ids, tasks = {}, {}
for at = FIRST, #ARGV, PER_ENTRY do
  ids[#ids + 1] = ARGV[at]
  tasks[#tasks + 1] = ARGV[at + 4]
end
local superseded, known, busy = {}, {}, {}
for at, found in ipairs(call('HMGET', K .. ':e', unpack(ids))) do
  known[ids[at]] = found and true or nil
end
for at, found in ipairs(call('HMGET', K .. ':t', unpack(tasks))) do
  busy[tasks[at]] = found and true or nil
end

local saved, joined, ready, scheduled = {}, {}, {}, {}
local function write_simple()
  call_with_all('HSET', K .. ':e', saved)
  call_with_all('HSET', K .. ':t', joined)
  call_with_all('ZADD', K .. ':s', scheduled)
  for number, line in pairs(ready) do
    call_with_all('ZADD', K .. ':r:' .. number, line)
  end
  saved, joined, ready, scheduled = {}, {}, {}, {}
end

-- Nothing else of its task is here, so everything goes in batches.
local function push_alone(id, lane, due, record)
  saved[#saved + 1] = id
  saved[#saved + 1] = record
  joined[#joined + 1] = task_of(record)
  joined[#joined + 1] = id
  if due <= now then
    local line = ready[lane.number] or {}
    ready[lane.number] = line
    line[#line + 1] = due
    line[#line + 1] = id
    add('ready', 1)
    touch(lane)
  else
    scheduled[#scheduled + 1] = due
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

for at, id in ipairs(ids) do
  if not known[id] then
    local base = FIRST + (at - 1) * PER_ENTRY
    local lane_at_arg, flags = tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2])
    local due, task = math.max(0, now + tonumber(ARGV[base + 3])), tasks[at]
    local gives_way, held = flags % 2, flags >= 2
    if busy[task] then
      write_simple()
    end
    if busy[task] and gives_way == 1 and has_newer(task, id) then
      superseded[#superseded + 1] = id
    else
      if busy[task] then
        if call('HEXISTS', K .. ':t', task) == 1 then
          supersede_older(task, id)
        end
        demote(task)
      end
      known[id] = true
      local team, origin = ARGV[4 + 2 * lane_at_arg], ARGV[5 + 2 * lane_at_arg]
      local lane = enter(team, origin)
      local record = struct.pack('>I4BBI6', lane.number, gives_way, 0, due) .. task
      if busy[task] or held then
        save(id, record)
        join_task(task, id)
        if held then
          hold(id, record)
        end
        admit(task)
      else
        push_alone(id, lane, due, record)
      end
      busy[task] = true
    end
  end
end
write_simple()
relist_all()
announce()
write_back()
return { get('whole'), now, soonest, superseded }

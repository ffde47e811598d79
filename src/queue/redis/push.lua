-- Adds entries; one already present is left as it is. ARGV[4]: the token of the rebuild
-- that pushes, or 0. While the shard is not whole, only the rebuild may push: what came
-- later would overtake what is not here yet. ARGV[5]: how many lanes; then team and origin
-- of each; then the entries in one string: id 16, task 16, lane (from 1) 4, flags 1 (bit 0
-- makes way, bit 1 held), ms until due 8 (signed). Answers {whole, now, soonest, superseded
-- ids}, the last only if they were taken.
local token = tonumber(ARGV[4])
if token == 0 and meta.whole == 0 or token ~= 0 and meta.rebuild ~= token then
  return { meta.whole, now, NONE }
end
local ENTRIES, ENTRY_BYTES = ARGV[6 + 2 * tonumber(ARGV[5])], 45

local ids, tasks = {}, {}
for at = 1, #ENTRIES / ENTRY_BYTES do
  local first = ENTRY_BYTES * (at - 1)
  ids[at] = sub(ENTRIES, first + 1, first + 16)
  tasks[at] = sub(ENTRIES, first + 17, first + 32)
end
-- Tasks that have an entry.
local busy = {}
for at, found in ipairs(call('HMGET', K .. ':t', unpack(tasks))) do
  busy[tasks[at]] = found and true or nil
end

local superseded = {}
local saved, joined, lines, scheduled, counts = {}, {}, {}, {}, {}
local function write_simple()
  call_with_all('HSET', K .. ':e', saved)
  call_with_all('HSET', K .. ':t', joined)
  call_with_all('ZADD', K .. ':s', scheduled)
  for lane, line in pairs(lines) do
    call_with_all('ZADD', line_of(lane), line)
  end
  for lane, count in pairs(counts) do
    count_entries(lane.number, lane.team, count)
  end
  saved, joined, lines, scheduled, counts = {}, {}, {}, {}, {}
end

-- Nothing else of its task is here, so everything goes in batches.
local function push_alone(id, task, kind, lane)
  local at = #saved
  saved[at + 1], saved[at + 2] = id, kind.record .. task
  joined[at + 1], joined[at + 2] = task, id
  local list = scheduled
  counts[lane] = (counts[lane] or 0) + 1
  if kind.due <= now then
    list = lines[lane]
    if list == nil then
      list = {}
      lines[lane] = list
      touch_line(lane)
    end
    meta.ready = meta.ready + 1
  else
    sooner(kind.due)
  end
  at = #list
  list[at + 1], list[at + 2] = kind.due_text, id
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
    if other < id and makes_way(record) and not places().is_leased(other, record) then
      superseded[#superseded + 1] = other
      places().withdraw(other, record)
      places().take_out_waiting(other, record)
    end
  end
end

-- The lane of this number in ARGV.
local entered = {}
local function enter_lane(number)
  local lane = entered[number]
  if lane == nil or lane.is_gone then
    lane = places().enter(ARGV[4 + 2 * number], ARGV[5 + 2 * number])
    entered[number] = lane
  end
  return lane
end

-- Its task has entries: makes room for one more. True when it is to be added; not when it
-- is here already or makes way for newer ones.
local function make_room(task, id, gives_way)
  write_simple()
  if call('HEXISTS', K .. ':e', id) == 1 then
    return false
  end
  if gives_way and places().has_newer(task, id) then
    superseded[#superseded + 1] = id
    return false
  end
  if call('HEXISTS', K .. ':t', task) == 1 then
    supersede_older(task, id)
  end
  places().expect_company(task)
  places().demote(task)
  return true
end

-- What entries of the same lane, flags and due time have in common; most of a batch do.
local kinds = {}
local function kind_of(packed)
  local kind = kinds[packed]
  if kind == nil then
    local lane_number, flags, due_ms = read('>I4Bi8', packed)
    local due = max(0, now + due_ms)
    kind = {
      lane = lane_number, gives_way = flags % 2 == MAKES_WAY, held = flags >= 2, due = due,
      due_text = print_number(due),
    }
    kinds[packed] = kind
  end
  return kind
end

local function push(id, task, kind)
  if busy[task] and not make_room(task, id, kind.gives_way) then
    return
  end
  local lane = enter_lane(kind.lane)
  if kind.number ~= lane.number then
    kind.number = lane.number
    kind.record = write('>I4BBI6', lane.number, kind.gives_way and MAKES_WAY or 0, 0, kind.due)
  end
  if busy[task] or kind.held then
    local record = kind.record .. task
    count_entries(lane.number, lane.team, 1)
    places().join_task(task, id, record)
    if kind.held then
      places().hold(id, record)
    end
    places().admit(task)
  else
    push_alone(id, task, kind, lane)
  end
  busy[task] = true
end

for at = 1, #ids do
  local last = ENTRY_BYTES * at
  push(ids[at], tasks[at], kind_of(sub(ENTRIES, last - 12, last)))
end
write_simple()
finish()
return { meta.whole, now, soonest, superseded }

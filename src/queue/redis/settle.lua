-- Ends claims. From ARGV[4] claims, packed: id 16, token 8, ending 1 (e end, r retry, h
-- hold, b back); and unless it ends: ms until due 8 (signed), ms until the lane's rest ends
-- 8 (signed), o if a new origin follows, and that. Answers {whole, now, soonest,
-- {0 done, 1 superseded, 2 lease lost for each}}.
local REST_MS_MAX = 3600000

local ids, tasks = {}, {}
for at = 4, #ARGV do
  ids[#ids + 1] = sub(ARGV[at], 1, 16)
end
local records = {}
for at, record in ipairs(call('HMGET', K .. ':e', unpack(ids))) do
  records[ids[at]] = record
  tasks[at] = record and task_of(record) or ''
end
local alone = call('HMGET', K .. ':t', unpack(tasks))
local unleased, ended, tasks_ended = {}, {}, {}

local function rest(lane, ms)
  if ms > 0 then
    lane.rests_until = max(lane.rests_until, now + min(ms, REST_MS_MAX))
    touch(lane)
  end
end

-- The common end: nothing else of the task is here, so everything goes in batches.
local function end_alone(id, record)
  local charge_ms, in_flight = read('>I4B', record, 37)
  local lane = lane_of(record)
  if in_flight == 1 then
    free(lane, charge_ms, charge_ms)
  end
  unleased[#unleased + 1] = id
  ended[#ended + 1] = id
  tasks_ended[#tasks_ended + 1] = task_of(record)
  leave(lane)
end

local function settle(id, ending, record, told)
  record = unlease(id, record, ending == 'b')
  if ending == 'e' then
    take_out_waiting(id, record)
    return 0
  end
  local due_ms, rest_ms = read('>i8i8', told, 26)
  if sub(told, 42, 42) == 'o' then
    local origin, old = sub(told, 43), lane_of(record)
    -- Enter before leaving: a team without lanes would be forgotten.
    record = write('>I4', enter(team_at(old.team).name, origin).number) .. sub(record, 5)
    leave(old)
  end
  if ending == 'r' then
    -- It can be attempted without harm to the worker, so it is no poison.
    record = with_due(record, max(0, now + due_ms), 0)
    rest(lane_of(record), rest_ms)
  end
  save(id, record)
  local task = task_of(record)
  if makes_way(record) and has_newer(task, id) then
    take_out(id, record)
    return 1
  end
  if ending == 'h' then
    hold(id, record)
  end
  admit(task)
  return 0
end

local answers = {}
for at = 1, #ids do
  local id = ids[at]
  local record, told = records[id], ARGV[at + 3]
  local ending = sub(told, 25, 25)
  if not record or not is_leased(record) or sub(record, 29, 36) ~= sub(told, 17, 24) then
    -- A lost claim may stand before the current one of the same entry: that one counts.
    answers[at] = 2
  else
    records[id] = nil
    if ending == 'e' and alone[at] == id then
      end_alone(id, record)
      answers[at] = 0
    else
      answers[at] = settle(id, ending, record, told)
    end
  end
end
call_with_all('ZREM', K .. ':x', unleased)
call_with_all('HDEL', K .. ':e', ended)
call_with_all('HDEL', K .. ':t', tasks_ended)
finish()
return { get('whole'), now, soonest, answers }

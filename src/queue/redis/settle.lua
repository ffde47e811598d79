-- Ends claims. ARGV[4]: claims in one string: id 16, token 8, number 2, task 16, ending 1 (e
-- end, r retry, h hold, b back); and unless it ends: ms until due 8 (signed), ms until the
-- lane's rest ends 8 (signed), a new origin or nothing, after its length 2. Answers {whole,
-- now, soonest, a byte for each: 0 done, 1 superseded, 2 lease lost}.
local REST_MS_MAX = 3600000
local DONE, SUPERSEDED, LEASE_LOST = 0, 1, 2

local ids, tokens, claim_numbers, tasks, endings, changes = {}, {}, {}, {}, {}, {}
local after = 1
while after <= #ARGV[4] do
  local at = #ids + 1
  ids[at], tokens[at], claim_numbers[at], tasks[at], endings[at], after =
    read('>c16c8Hc16c1', ARGV[4], after)
  if endings[at] ~= 'e' then
    local due_ms, rest_ms, origin
    due_ms, rest_ms, origin, after = read('>i8i8Hc0', ARGV[4], after)
    changes[at] = { due_ms = due_ms, rest_ms = rest_ms, origin = origin }
  end
end
local values = call('HMGET', K .. ':t', unpack(tasks))
local ended, tasks_ended = {}, {}
-- How many ended, by lane, and the team of each.
local counts, team_of = {}, {}

local function rest(lane, ms)
  if ms > 0 then
    lane.rests_until = max(lane.rests_until, now + min(ms, REST_MS_MAX))
    touch(lane)
  end
end

local function settle(id, ending, change)
  local record = record_of(id)
  local task = task_of(record)
  places().return_to_task(task, id)
  if ending == 'e' then
    places().take_out_waiting(id, record)
    return DONE
  end
  if change.origin ~= '' then
    local old = lane_of(record)
    -- Enter before leaving: a team without lanes would be forgotten.
    local new = places().enter(old.home.name, change.origin)
    count_entries(new.number, new.team, 1)
    record = write('>I4', new.number) .. sub(record, 5)
    places().leave(old)
  end
  if ending == 'r' then
    -- It can be attempted without harm to the worker, so it is no poison.
    record = with_due(record, max(0, now + change.due_ms), 0)
    rest(lane_of(record), change.rest_ms)
  end
  save(id, record)
  if makes_way(record) and places().has_newer(task, id) then
    places().take_out_waiting(id, record)
    return SUPERSEDED
  end
  if ending == 'h' then
    places().hold(id, record)
  end
  places().admit(task)
  return DONE
end

local answers = {}
for at = 1, #ids do
  local id, ending, batch, number = ids[at], endings[at], batch_at(tokens[at]), claim_numbers[at]
  local lane, team, charge_ms = held_by(batch, number, id)
  if not lane then
    answers[at] = LEASE_LOST
  else
    end_claim(batch, number, lane, charge_ms, ending == 'b' and 0 or nil)
    if ending == 'e' and values[at] == id then
      -- The common end: nothing else of the task is here, so everything goes in batches.
      ended[#ended + 1] = id
      tasks_ended[#tasks_ended + 1] = tasks[at]
      counts[lane], team_of[lane] = (counts[lane] or 0) + 1, team
      answers[at] = DONE
    else
      answers[at] = settle(id, ending, changes[at])
    end
  end
end
call_with_all('HDEL', K .. ':e', ended)
call_with_all('HDEL', K .. ':t', tasks_ended)
for lane, count in pairs(counts) do
  if count_entries(lane, team_of[lane], -count) == 0 then
    places().idle(lane_at(lane))
  end
end
write_claims()
finish()
return { meta.whole, now, soonest, string.char(unpack(answers)) }

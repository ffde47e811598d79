-- Makes held entries of the team ARGV[4] due now, at most 500. Answers {whole, now, soonest,
-- how many}.
local RELEASED_MAX = 500
local number = call('HGET', K .. ':n', ARGV[4])
local held = number and call('SPOP', K .. ':h:' .. number, RELEASED_MAX) or {}
-- All are due before the first is let go: it may be any of them that its task lets go.
local tasks = {}
for at, id in ipairs(held) do
  local record = record_of(id)
  save(id, with_due(record, now, byte(record, 6)))
  tasks[at] = task_of(record)
end
meta.held = meta.held - #held
for _, task in ipairs(tasks) do
  places().admit(task)
end
finish()
return { meta.whole, now, soonest, #held }

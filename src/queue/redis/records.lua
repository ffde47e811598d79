-- What is kept of an entry: its record, big-endian:
--   lane 4, flags 1, abandoned 1, due 6, task 16.
-- It is ready, scheduled, held, leased, or waits behind an older one of its task: in the
-- list of its place and in no other; one that is leased or waits is in none.
local MAKES_WAY = 1 -- flag: for newer ones of its task
local HAS_COMPANY = 2 -- flag: its task had others, and may have

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
  return byte(record, 5) % 2 == MAKES_WAY
end

local function has_company(record)
  return byte(record, 5) >= HAS_COMPANY
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

-- A task with several entries: which is under way, or ''; nil when it has one at most.
local function chain(value)
  if value and #value ~= 16 then
    return sub(value, 2)
  end
end

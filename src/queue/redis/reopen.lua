-- Closes a breaker. The window stays at 1, where the park left it: a backlog must not
-- hit at once what just recovered.
local function reopen(lane)
  lane.park_until = 0
  lane.is_probing = 0
  lane.successes = 0
  lane.straight = 0
  lane.history = ''
  lane.failures = 0
end

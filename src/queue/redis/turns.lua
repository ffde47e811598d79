-- What has become due, and when a claim could next find something.

-- What has become due goes into its lane's line. At most 1000 at a time: the next claim
-- is due at once when there are more.
local function promote()
  local due = call('ZRANGE', K .. ':s', '-inf', print_number(now), 'BYSCORE', 'LIMIT', '0', '1000')
  if #due == 0 then
    return
  end
  call_with_all('ZREM', K .. ':s', due)
  local records = call('HMGET', K .. ':e', unpack(due))
  for at, id in ipairs(due) do
    places().line_up(id, records[at])
  end
end

-- Lanes whose park or rest has ended.
local function wake()
  local ended = call('ZRANGE', BLOCKED, '-inf', print_number(now), 'BYSCORE', 'LIMIT', '0', '1000')
  for _, number in ipairs(ended) do
    touch(lane_at(tonumber(number)))
  end
end

-- When no other team is about any more; 0 if none was ever seen. ELSEWHERE_AT: when a team
-- of another shard was last seen.
local function neighbours_gone(team)
  local seen = meta.last_team == team.number and meta.before_at or meta.last_at
  if meta.last_team == team.number and meta.before_team == 0 then
    seen = 0
  end
  seen = max(seen, ELSEWHERE_AT)
  return seen == 0 and 0 or seen + NEIGHBOUR_MS
end

-- The only team with something to claim, when it is at its share but not at the limit for a lone one.
local function lone_team()
  if call('ZCARD', K .. ':o') > 0 or call('SCARD', K .. ':a') ~= 1 then
    return nil
  end
  local team = team_at(tonumber(call('SRANDMEMBER', K .. ':a')))
  return team.in_flight < ALONE_MAX and team or nil
end

local function first_of(name)
  return tonumber(call('ZRANGE', K .. name, '0', '0', 'WITHSCORES')[2])
end

-- Every list must be up to date. Returns NONE when only a push can help.
local function next_change()
  if call('ZCARD', K .. ':o') > 0 then
    return now
  end
  local team = lone_team()
  local soonest = math.huge
  for _, time in pairs({
    a = first_of(':s'), b = first_of(':x'), c = first_of(':b'), d = team and neighbours_gone(team),
  }) do
    soonest = min(soonest, time)
  end
  return soonest == math.huge and NONE or max(soonest, now)
end

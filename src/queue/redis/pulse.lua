-- A worker is alive: ARGV[1] names it, ARGV[2] are its slots, ARGV[3] says for how long
-- that holds, ms. Then shards: the name of each. All on this server, whatever their slots.
-- Answers {slots of all workers, then for each shard whole, ms until workers look again
-- (-1: never), idle lanes that are stale}.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key = KEYS[1] .. ':w'
local slots = 0
if ARGV[2] ~= '0' then
  call('HSET', key, ARGV[1], (now + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
end
local workers = call('HGETALL', key)
for at = 1, #workers, 2 do
  local till, count = string.match(workers[at + 1], '(%d+) (%d+)')
  if tonumber(till) < now then
    call('HDEL', key, workers[at])
  else
    slots = slots + tonumber(count)
  end
end
local answer = { slots }
for at = 4, #ARGV do
  local packed = call('GET', ARGV[at] .. ':m')
  local whole, told = 0, -1
  if packed then
    whole, told = struct.unpack('<dd', packed)
  end
  local stale = call('ZCOUNT', ARGV[at] .. ':i', '-inf', now)
  answer[#answer + 1] = whole
  answer[#answer + 1] = told == -1 and -1 or math.max(0, told - now)
  answer[#answer + 1] = stale
end
return answer

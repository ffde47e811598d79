-- A rebuild, by its token ARGV[4]. ARGV[5]: 0 begins it, unless another one is alive; 2
-- says that it is alive; 1 ends it. Both only if nothing was lost since and no other
-- began. Answers {whole, now, 1 for well}.
local ALIVE_MS = 5000
local token, step = tonumber(ARGV[4]), ARGV[5]
local other = get('rebuild') ~= 0 and get('rebuild') ~= token
if step == '0' and (not other or get('rebuild_at') + ALIVE_MS < now) then
  set('rebuild', token)
elseif get('rebuild') ~= token then
  return { get('whole'), now, 0 }
end
set('rebuild_at', now)
if step == '1' then
  set('rebuild', 0)
  set('whole', 1)
end
write_back()
return { get('whole'), now, 1 }

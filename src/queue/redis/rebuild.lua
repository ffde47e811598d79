-- A rebuild, by its token ARGV[4]. ARGV[5]: 0 begins it, unless another one is alive; 2
-- says that it is alive; 1 ends it. Both only if nothing was lost since and no other
-- began. Answers {whole, now, 1 for well}.
local ALIVE_MS = 5000
local token, step = tonumber(ARGV[4]), ARGV[5]
local other = meta.rebuild ~= 0 and meta.rebuild ~= token
if step == '0' and (not other or meta.rebuild_at + ALIVE_MS < now) then
  meta.rebuild = token
elseif meta.rebuild ~= token then
  return { meta.whole, now, 0 }
end
meta.rebuild_at = now
if step == '1' then
  meta.rebuild = 0
  meta.whole = 1
end
write_back()
return { meta.whole, now, 1 }

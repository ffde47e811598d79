-- Begins (ARGV[5] = 0) or ends (1) the rebuild of the token ARGV[4]. It ends well only if
-- nothing was lost and no other rebuild began meanwhile. Answers {whole, now, 1 for well}.
local token = tonumber(ARGV[4])
if ARGV[5] == '0' then
  set('rebuild', token)
elseif get('rebuild') ~= token then
  return { get('whole'), now, 0 }
else
  set('rebuild', 0)
  set('whole', 1)
end
write_back()
return { get('whole'), now, 1 }

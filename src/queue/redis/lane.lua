-- One lane, of team ARGV[4] and origin ARGV[5]. Answers {whole, now, its view}; only the
-- first two while it has nothing to do.
promote()
local number = call('HGET', K .. ':n', ARGV[4] .. '\0' .. ARGV[5])
local has_entries = number and call('HGET', K .. ':k', number) ~= '0'
local seen = has_entries and view(lane_at(tonumber(number)))
finish()
if not has_entries then
  return { meta.whole, now }
end
return { meta.whole, now, seen }

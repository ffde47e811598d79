-- A page of lanes, some 200, from the cursor ARGV[4] on. Answers {whole, now, next cursor or
-- '0', lanes}; of each that has entries: team, origin, and what `lane.lua` answers.
promote()
local page = call('HSCAN', K .. ':l', ARGV[4], 'COUNT', 200)
local found = {}
for at = 1, #page[2], 2 do
  local number = tonumber(page[2][at])
  if call('HGET', K .. ':k', page[2][at]) ~= '0' then
    local lane = lanes[number] or keep_lane(number, page[2][at + 1])
    found[#found + 1] = lane.home.name
    found[#found + 1] = lane.origin
    found[#found + 1] = view(lane)
  end
end
finish()
return { meta.whole, now, page[1], found }

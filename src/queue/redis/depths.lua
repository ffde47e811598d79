-- Answers {whole, now, ready, scheduled, leased, waiting, held, lanes parked, oldest due,
-- entries of team ARGV[4], lanes known, open, with something due, windows of all}.
promote()
finish()
local ready, held = meta.ready, meta.held
local scheduled, leased = call('ZCARD', K .. ':s'), meta.leased
local waiting = call('HLEN', K .. ':e') - ready - scheduled - leased - held
local number = call('HGET', K .. ':n', ARGV[4])
local entries = number and tonumber(call('HGET', K .. ':k', 't' .. number)) or 0
return {
  meta.whole, now, ready, scheduled, leased, waiting, held, meta.parked,
  first_of(':f') or -1, entries, call('HLEN', K .. ':l'), meta.open, call('ZCARD', FRONTS),
  meta.windows,
}

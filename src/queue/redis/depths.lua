-- Answers {whole, now, ready, scheduled, leased, waiting, held, lanes parked, oldest due,
-- entries of team ARGV[4]}.
promote()
finish()
local ready, held = get('ready'), get('held')
local scheduled, leased = call('ZCARD', K .. ':s'), call('ZCARD', K .. ':x')
local waiting = call('HLEN', K .. ':e') - ready - scheduled - leased - held
local number = call('HGET', K .. ':n', ARGV[4])
local entries = number and team_at(tonumber(number)).entries or 0
return {
  get('whole'), now, ready, scheduled, leased, waiting, held, get('parked'),
  first_of(':f') or -1, entries,
}

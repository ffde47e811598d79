-- One shard: its keys and its numbers, which every verb reads first. What costs is each value
-- that crosses between Redis and Lua, and each call: what belongs together is one packed
-- string, and many of a kind go in one call.
--
-- Keys, all with the shard's hash tag in K (numbers are those of lanes and teams):
--   :m        numbers of the shard, packed :n hash   team, team NUL origin -> number
--   :l hash   lane -> packed               :g hash   team -> packed
--   :e hash   id -> record (see records)   :t hash   task -> id, or * with the id under way
--   :t:<task> zset   ids of a task that has several
--   :s zset   scheduled ids by due time    :h:<team> set   held ids
--   :r:<lane> zset   ready ids by due time
--   :c hash   token -> claims (see leases) :x zset   tokens by end of lease
--   :k hash   lane, or t with team -> entries
--   :o zset   teams that may go, by virtual start     :o:<team> zset   lanes likewise
--   :a set    teams at their share         :b zset   lanes by end of park or rest
--   :f zset   lanes by first due time      :i zset   lanes without entries by staleness
--   :w hash   worker -> alive until, slots (pulse.lua, in one shard)
local K, call = KEYS[1], redis.call
local sub, byte, max, min, floor = string.sub, string.byte, math.max, math.min, math.floor
local read, write = struct.unpack, struct.pack
local NONE = -1
local now, ELSEWHERE_AT, IDLE_LANE_MS, LANE_MAX, TEAM_MAX, ALONE_MAX, WINDOW_START, LEASE_MS,
  ABANDONED_MAX, SLOT_MS_GUESS, NEIGHBOUR_MS, IDLE_LANES_MAX, STRAIGHT_MAX, SAMPLE,
  FAILED_PERCENT, PARK_MS_FIRST, PARK_MS_MAX =
  read('>I8I8I8I4I4I4I4I4I4I4I4I4I4I4I4I4I4', ARGV[1])
local WAKE, SHARD = ARGV[2], ARGV[3]
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
end

-- Numbers as Redis is told them: it would print each as a float, which is slow.
local printed = {}
local function print_number(number)
  local text = printed[number]
  if text == nil then
    text = string.format('%d', number)
    printed[number] = text
  end
  return text
end

-- The shard's numbers. pulse.lua reads the first two.
local META = '<ddddddddddddddddd'
local meta_before = call('GET', K .. ':m')
local meta = {
  whole = 0, told = NONE, ready = 0, held = 0, leased = 0, parked = 0, last_team = 0, last_at = 0,
  before_team = 0, before_at = 0, virtual_now = 0, teams_made = 0, lanes_made = 0, rebuild = 0,
  rebuild_at = 0, open = 0, windows = 0,
}
if meta_before then
  meta.whole, meta.told, meta.ready, meta.held, meta.leased, meta.parked, meta.last_team,
    meta.last_at, meta.before_team, meta.before_at, meta.virtual_now, meta.teams_made,
    meta.lanes_made, meta.rebuild, meta.rebuild_at, meta.open, meta.windows =
    read(META, meta_before)
end

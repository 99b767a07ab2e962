-- Hands entries back unfinished: parked under ~released, the next delivery is not counted; under ~orphans, it is.
--
-- KEYS[1]  stream
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  where to park
-- ARGV[4]  the first of the entries in the stream
-- ARGV[5]  the last of them
-- ARGV[6…] entries
-- Reply    how many the worker owned and handed back
local entries, own = {unpack(ARGV, 6)}, {}
local held = held_by(KEYS[1], ARGV[1], ARGV[2], entries, ARGV[4], ARGV[5])
for _, entry in ipairs(entries) do
  if held[entry] then own[#own + 1] = entry end
end
local released = #own
if released == 0 then return 0 end
own[released + 1] = 'JUSTID'
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(own))
return released

-- Hands entries back unfinished: parked under ~released, the next delivery is not counted; under ~orphans, it is.
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  3 where to park  4... entries
-- REPLY how many the worker owned and handed back
local released = 0
for i = 4, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i], 'JUSTID')
    released = released + 1
  end
end
return released

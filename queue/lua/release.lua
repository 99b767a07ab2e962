-- Hands entries back unfinished, parked under ~released, without counting a delivery.
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  3... entries
-- REPLY how many the worker owned and handed back
local released = 0
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], '~released', 0, ARGV[i], 'JUSTID')
    released = released + 1
  end
end
return released

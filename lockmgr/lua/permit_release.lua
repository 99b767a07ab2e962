-- Gives a permit back and wakes the waiters.
--
-- KEYS[1]  the holders, a zset: holder -> end of its lease in milliseconds
-- ARGV[1]  the holder
-- ARGV[2]  the channel of the waiters
-- ARGV[3]  PUBLISH or SPUBLISH
-- Reply    1 given back, 0 it was no longer the caller's
local ms = now_ms()
local lease = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
if lease == 0 then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.pcall(ARGV[3], ARGV[2], '')
return lease > ms and 1 or 0

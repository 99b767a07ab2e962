-- Extends the lease of a permit that the caller still holds.
--
-- KEYS[1]  the holders, a zset: holder -> end of its lease in milliseconds
-- ARGV[1]  the holder
-- ARGV[2]  TTL in milliseconds
-- Reply    1 extended, 0 it was no longer the caller's
local ms = now_ms()
local lease = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
if lease <= ms then
  return 0
end
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1

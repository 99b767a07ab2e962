-- Notes that jobs of a kind wait for a worker that has a handler for it. Stale notes go, and all but the latest.
--
-- KEYS[1]  unknown
-- ARGV[1]  kind
-- ARGV[2]  when a note is stale, in ms
-- ARGV[3]  how many kinds to keep
-- Reply    1
local now = now_ms()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1

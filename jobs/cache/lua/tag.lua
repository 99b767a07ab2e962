-- Puts a key in the index of a tag, and drops from it what has expired.
--
-- KEYS[1]  the index, a zset: key to the end of its entry, Unix ms
-- ARGV[1]  the key
-- ARGV[2]  the end of its entry, Unix ms
-- ARGV[3]  now, Unix ms
-- Reply    1
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
local last = call_if_there('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') or {}
if last[2] then
  redis.call('PEXPIREAT', KEYS[1], last[2])
end
return 1

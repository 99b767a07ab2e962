-- Takes back what a caller that gave up has of a lock: the lock, its place in the fair queue, and an attempt that has
-- not arrived yet, which is refused while the mark is there. Wakes the waiters that may now go on.
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the fair queue, a zset: waiter -> when it came, in microseconds
-- KEYS[3]  the waiters' leases, a zset: waiter -> its end in milliseconds
-- KEYS[4]  the mark that refuses the caller's late attempts, a string
-- ARGV[1]  the holder or waiter
-- ARGV[2]  the channel of the waiters
-- ARGV[3]  PUBLISH or SPUBLISH
-- ARGV[4]  how long the mark is kept in milliseconds; 0 for none
-- Reply    1 the lock was the caller's, 0 it was not
local had = 0
if redis.call('GET', KEYS[1]) == ARGV[1] then
  had = redis.call('DEL', KEYS[1])
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if ARGV[4] ~= '0' then
  redis.call('SET', KEYS[4], '', 'PX', ARGV[4])
end
local head = (call_if_there('ZRANGE', KEYS[2], 0, 0) or {})[1]
if (had == 1 or head) and call_if_there('EXISTS', KEYS[1]) ~= 1 then
  redis.pcall(ARGV[3], ARGV[2], head or '')
end
return had

-- Takes a waiter out of the fair queue and, if the lock is free, wakes the next one.
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the fair queue, a zset: waiter -> when it came, in microseconds
-- KEYS[3]  the waiters' leases, a zset: waiter -> its end in milliseconds
-- ARGV[1]  the waiter
-- ARGV[2]  the channel of the waiters
-- ARGV[3]  PUBLISH or SPUBLISH
-- Reply    1 left, 0 was not there
local left = redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
local head = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
if head and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.pcall(ARGV[3], ARGV[2], head)
end
return left

-- Deletes a lock if the caller still holds it, and wakes the waiters; of a fair queue the first one. A message that
-- cannot be published is not worth an error: the lock is free, and waiters look by themselves.
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the fair queue, a zset: waiter -> when it came, in microseconds
-- ARGV[1]  the holder
-- ARGV[2]  the channel of the waiters
-- ARGV[3]  PUBLISH or SPUBLISH
-- Reply    1 deleted, 0 it was no longer the caller's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local deleted = redis.call('DEL', KEYS[1])
redis.pcall(ARGV[3], ARGV[2], redis.call('ZRANGE', KEYS[2], 0, 0)[1] or '')
return deleted

-- Takes back what a caller that gave up has of a semaphore or readers-writer lock: its permit, its intent to take all,
-- and an attempt that has not arrived yet, which is refused while the mark is there. Wakes the waiters that may now go
-- on.
--
-- KEYS[1]  the holders, a zset: holder -> end of its lease in milliseconds
-- KEYS[2]  the intent, a string: the waiter that wants all
-- KEYS[3]  the mark that refuses the caller's late attempts, a string
-- ARGV[1]  the holder or waiter
-- ARGV[2]  the channel of the waiters
-- ARGV[3]  PUBLISH or SPUBLISH
-- ARGV[4]  how long the mark is kept in milliseconds; 0 for none
-- Reply    how much there was to take back
local had = redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[1] then
  had = had + redis.call('DEL', KEYS[2])
end
if ARGV[4] ~= '0' then
  redis.call('SET', KEYS[3], '', 'PX', ARGV[4])
end
if had > 0 then
  redis.pcall(ARGV[3], ARGV[2], '')
end
return had

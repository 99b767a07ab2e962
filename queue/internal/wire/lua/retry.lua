-- Moves a job from a worker's hands to a later time, after a failed attempt or a snooze; not if it was cancelled
-- meanwhile.
-- The first write is a command that Redis allows when it is out of memory, and so allows the rest: the move adds no
-- more than it takes away.
-- KEYS  1 stream  2 delayed or retrying  3 bodies  4 totals  5 cancelled
-- ARGV  1 group  2 consumer  3 entry  4 job ID  5 due, ms  6 body  7 total to count it in
-- REPLY 1 moved; 2 it was cancelled; 0 the worker does not own the entry
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
if redis.call('HEXISTS', KEYS[5], ARGV[3]) == 1 then return 2 end
redis.call('ZREM', KEYS[2], '')
redis.call('HSET', KEYS[3], ARGV[4], ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[4], ARGV[7], 1)
return 1

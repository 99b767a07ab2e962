-- Registers a worker with a queue and gives it a lease, by Redis' clock, and tells whether the queue is paused: the
-- worker must not start a job before it knows.
-- The first write is a command that Redis allows when it is out of memory, and so allows the rest: a full Redis can
-- be drained.
-- KEYS  1 workers  2 worker  3 paused
-- ARGV  1 consumer  2 lease, ms  3... the worker's fields and values
-- REPLY 1 the queue is paused; 0 it is not
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return redis.call('EXISTS', KEYS[3])

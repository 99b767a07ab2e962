-- Registers a worker with a queue and gives it a lease, by Redis' clock. Returns whether the queue is paused: the
-- worker must not start a job before that is certain. A full Redis does not keep workers out, so it can be drained.
--
-- KEYS[1]  workers
-- KEYS[2]  worker
-- KEYS[3]  paused
-- ARGV[1]  consumer
-- ARGV[2]  lease, in ms
-- ARGV[3…] the worker's fields and values
-- Reply    1 the queue is paused, 0 it is not
allow_when_full('ZREM', KEYS[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('ZADD', KEYS[1], now_ms() + ARGV[2], ARGV[1])
return redis.call('EXISTS', KEYS[3])

-- Extends a worker's lease and does nothing else. While the slot of the queue moves to another node of a cluster, a
-- script of more than one key is refused.
--
-- KEYS[1]  workers
-- ARGV[1]  consumer
-- ARGV[2]  lease, in ms
-- Reply    1 extended, 0 it has ended: the worker's entries may be another one's
if not has_lease(KEYS[1], ARGV[1]) then return 0 end
allow_when_full('ZREM', KEYS[1])
redis.call('ZADD', KEYS[1], now_ms() + ARGV[2], ARGV[1])
return 1

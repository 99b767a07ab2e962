-- Shortens every lease to one that begins now: after a jump backward of Redis' clock they would end too late.
-- A live worker renews its own with its next heartbeat.
--
-- KEYS[1]  workers
-- ARGV[1]  lease, in ms
-- Reply    how many were shortened
local ends = now_ms() + ARGV[1]
local long = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ends, '+inf', 'LIMIT', 0, 1000)
allow_when_full('ZREM', KEYS[1])
for _, worker in ipairs(long) do redis.call('ZADD', KEYS[1], ends, worker) end
return #long

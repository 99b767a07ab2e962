-- Shortens every lease to one that begins now: after a jump backward of Redis' clock they would end too late.
-- A worker that lives renews its own within a beat.
-- KEYS  1 workers
-- ARGV  1 lease, ms
-- REPLY how many were shortened
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local long = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ends, '+inf', 'LIMIT', 0, 1000)
redis.call('ZREM', KEYS[1], '')
for _, worker in ipairs(long) do redis.call('ZADD', KEYS[1], ends, worker) end
return #long

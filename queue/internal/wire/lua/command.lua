-- Leaves a command for a worker, which finds it with its next heartbeat.
--
-- KEYS[1]  worker
-- ARGV[1]  command
-- ARGV[2]  the person that gives it
-- Reply    1 left, 0 there is no such worker
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
allow_when_full('HDEL', KEYS[1])
redis.call('HSET', KEYS[1], 'order', ARGV[1] .. ' ' .. string.format('%.0f', now_us()) .. ' ' .. ARGV[2])
return 1

-- Leaves an order with a worker, which finds it at its next beat. The first write is a command that Redis allows when it
-- is out of memory, and so allows the rest.
-- KEYS  1 worker
-- ARGV  1 order  2 who gives it
-- REPLY 1 told; 0 there is no such worker
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HDEL', KEYS[1], 'order')
redis.call('HSET', KEYS[1], 'order', ARGV[1] .. ' ' .. time[1] .. string.format('%06d', time[2]) .. ' ' .. ARGV[2])
return 1

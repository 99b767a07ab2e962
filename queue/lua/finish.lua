-- Acknowledges and deletes finished entries of a worker, many at a time. The worker's registration is the fence:
-- the caretaker deletes it before it takes the first entry away.
-- KEYS  1 stream  2 worker  3 totals
-- ARGV  1 group  2... entries
-- REPLY how many were acknowledged; -1 the worker lost its lease, nothing was done
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
if acked > 0 then redis.call('HINCRBY', KEYS[3], 'done', acked) end
return acked

-- Moves a job from a worker's hands to the dead, and sets its unique key free.
-- The first write is a command that Redis allows when it is out of memory, and so allows the rest.
-- KEYS  1 stream  2 dead  3 dead:ids  4 totals  5 unique key (only if the job has one)
-- ARGV  1 group  2 consumer  3 entry  4 job ID  5... fields and values of the dead entry
-- REPLY 1 moved; 0 the worker does not own the entry
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[3], '')
local dead = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
redis.call('HSET', KEYS[3], ARGV[4], dead)
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[4], 'dead', 1)
if KEYS[5] and redis.call('GET', KEYS[5]) == ARGV[4] then redis.call('DEL', KEYS[5]) end
return 1

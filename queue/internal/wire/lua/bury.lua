-- Moves a job that a worker holds to the dead ones, and sets its unique key free.
--
-- KEYS[1]  stream
-- KEYS[2]  dead
-- KEYS[3]  dead:ids
-- KEYS[4]  totals
-- KEYS[5]  unique key (only if the job has one)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  job ID
-- ARGV[5…] fields and values of the dead entry
-- Reply    1 moved, 0 the worker does not own the entry
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2]) then return 0 end
allow_when_full('HDEL', KEYS[3])
local dead = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
redis.call('HSET', KEYS[3], ARGV[4], dead)
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], 'dead', 1)
release_unique(KEYS[5], ARGV[4])
return 1

-- Finishes one entry whose job is kept for a while with its result.
--
-- KEYS[1]  stream
-- KEYS[2]  totals
-- KEYS[3]  job
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  how long to keep the job, in ms
-- ARGV[5…] its fields and values
-- Reply    1 done, 0 the worker does not own the entry
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2]) then return 0 end
allow_when_full('HDEL', KEYS[3])
redis.call('HSET', KEYS[3], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[3], ARGV[4])
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[2], 'done', 1)
return 1

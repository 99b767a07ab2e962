-- Finishes one entry whose job is kept for a while with its result.
-- The first write is a command that Redis allows when it is out of memory, and so allows the rest.
-- KEYS  1 stream  2 totals  3 job
-- ARGV  1 group  2 consumer  3 entry  4 how long to keep the job, ms  5... its fields and values
-- REPLY 1 done; 0 the worker does not own the entry
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('HSET', KEYS[3], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[2], 'done', 1)
return 1

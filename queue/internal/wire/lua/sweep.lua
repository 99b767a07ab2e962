-- Deletes a worker's consumer that was left behind: a read of a worker that had just been taken for dead created it
-- anew. It must hold nothing and have no lease.
-- KEYS  1 stream  2 workers
-- ARGV  1 group  2 consumer
-- REPLY 1 deleted; 0 it is in use
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return 0 end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1

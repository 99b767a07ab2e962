-- Brings a dead job back to the end of the stream.
--
-- KEYS[1]  stream
-- KEYS[2]  dead
-- KEYS[3]  dead:ids
-- KEYS[4]  totals
-- ARGV[1]  job ID
-- ARGV[2]  its entry among the dead
-- ARGV[3]  kind
-- ARGV[4]  data
-- ARGV[5]  meta or ''
-- Reply    1 requeued, 0 it is not there any more
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
if #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 0 then return 0 end
add_job(KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5])
redis.call('XDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[1])
count(nil, KEYS[4], 'requeued', 1)
return 1

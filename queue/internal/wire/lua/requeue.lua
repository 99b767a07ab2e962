-- Brings a dead job back to the end of the stream.
-- KEYS  1 stream  2 dead  3 dead:ids  4 totals
-- ARGV  1 job ID  2 its entry among the dead  3 kind  4 data  5 meta or ""
-- REPLY 1 requeued; 0 it is not there any more
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
if #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 0 then return 0 end
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'kind', ARGV[3], 'data', ARGV[4], 'meta', ARGV[5])
else
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'kind', ARGV[3], 'data', ARGV[4])
end
redis.call('XDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'requeued', 1)
return 1

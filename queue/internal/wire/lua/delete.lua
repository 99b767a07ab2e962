-- Deletes a job wherever it was last seen, and sets its unique key free.
-- KEYS  1 stream  2 delayed  3 retrying  4 bodies  5 dead  6 dead:ids  7 totals  8 job  9 unique key (only if it has one)
-- ARGV  1 job ID  2 group  3 its entry in the stream, or ""  4 its entry among the dead, or ""
-- REPLY 1 deleted; 0 it is not there any more
local found = redis.call('DEL', KEYS[8])
local function count(where)
  found = 1
  redis.call('HINCRBY', KEYS[7], where, 1)
end
if redis.call('ZREM', KEYS[2], ARGV[1]) + redis.call('ZREM', KEYS[3], ARGV[1]) > 0 then
  redis.call('HDEL', KEYS[4], ARGV[1])
  count('deleted_scheduled')
end
if ARGV[4] ~= '' and redis.call('XDEL', KEYS[5], ARGV[4]) == 1 then
  if redis.call('HGET', KEYS[6], ARGV[1]) == ARGV[4] then redis.call('HDEL', KEYS[6], ARGV[1]) end
  count('deleted_dead')
end
if ARGV[3] ~= '' and redis.call('XDEL', KEYS[1], ARGV[3]) == 1 then
  redis.pcall('XACK', KEYS[1], ARGV[2], ARGV[3])
  count('deleted_stream')
end
if found == 1 and KEYS[9] and redis.call('GET', KEYS[9]) == ARGV[1] then redis.call('DEL', KEYS[9]) end
return found

-- Records how the work ended, or frees the key, if it is still the caller's: a holder that was taken over from
-- cannot overwrite.
--
-- KEYS[1]  the key, a hash
-- ARGV[1]  the holder
-- ARGV[2]  done, failed, or free
-- ARGV[3]  result
-- ARGV[4]  failure
-- ARGV[5]  how long the record is kept in milliseconds
-- Reply    1 recorded (also when asked again), 0 it was no longer the caller's
local record = redis.call('HMGET', KEYS[1], 'owner', 'state')
if record[1] ~= ARGV[1] then
  return 0
elseif record[2] ~= 'running' then
  return 1
elseif ARGV[2] == 'free' then
  return redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'result', ARGV[3], 'failure', ARGV[4])
redis.call('HDEL', KEYS[1], 'lease')
return redis.call('PEXPIRE', KEYS[1], ARGV[5])

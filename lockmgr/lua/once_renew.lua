-- Extends the lease of running work that is still the caller's.
--
-- KEYS[1]  the key, a hash
-- ARGV[1]  the holder
-- ARGV[2]  lease in milliseconds
-- ARGV[3]  how long the key is remembered after its lease ended, in milliseconds
-- Reply    1 extended, 0 it was no longer the caller's
local record = redis.call('HMGET', KEYS[1], 'owner', 'state')
if record[1] ~= ARGV[1] or record[2] ~= 'running' then
  return 0
end
redis.call('HSET', KEYS[1], 'lease', string.format('%.0f', now_ms() + ARGV[2]))
return redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])

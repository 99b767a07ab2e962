-- Frees an idempotency key whose caller gave up before it was answered, and refuses its attempt should it arrive later.
--
-- KEYS[1]  the key, a hash
-- KEYS[2]  the mark that refuses the caller's late attempts, a string; may be missing
-- ARGV[1]  the holder
-- ARGV[2]  how long the mark is kept in milliseconds; 0 for none
-- Reply    1 freed, 0 it was not the caller's
if KEYS[2] and ARGV[2] ~= '0' then
  redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
end
local record = redis.call('HMGET', KEYS[1], 'owner', 'state')
if record[1] == ARGV[1] and record[2] == 'running' then
  return redis.call('DEL', KEYS[1])
end
return 0

-- Extends a lock if the caller still holds it.
--
-- KEYS[1]  the lock, a string
-- ARGV[1]  the holder
-- ARGV[2]  TTL in milliseconds
-- Reply    1 extended, 0 it was no longer the caller's
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0

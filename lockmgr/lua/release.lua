-- Deletes a lock if the caller still holds it.
--
-- KEYS[1]  the lock, a string
-- ARGV[1]  the holder's token
-- Reply    1 deleted, 0 it was no longer the caller's
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0

-- Takes a lock if nobody holds it. A holder that asks again still has it: the client library sends the script a second
-- time when the connection breaks before the reply, and a bare SET NX would then refuse the lock to its own holder.
--
-- KEYS[1]  the lock, a string
-- ARGV[1]  the holder's token
-- ARGV[2]  TTL in milliseconds
-- Reply    1 taken, 0 another holds it
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
return 0

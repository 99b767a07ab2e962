-- Changes the set of users that a flag is on for, once for each call. The keys share a slot.
--
-- KEYS[1]  the users, a set
-- KEYS[2]  the mark that this call was made, a string
-- ARGV[1]  SADD, SREM or DEL
-- ARGV[2]  the user
-- ARGV[3]  how long the mark stays, in milliseconds
-- Reply    1 changed, 0 this call was made before
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
if ARGV[1] == 'DEL' then
  redis.call('DEL', KEYS[1])
else
  redis.call(ARGV[1], KEYS[1], ARGV[2])
end
return 1

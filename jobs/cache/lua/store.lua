-- Stores an entry with its companion, or the knowledge that there is no such thing, unless the key was invalidated
-- since its load began. Sent a second time after a lost reply it says 0, and the entry is there all the same.
--
-- KEYS[1]  the value, a string
-- KEYS[2]  its companion, a string
-- KEYS[3]  the mark of the load, a string
-- ARGV[1]  what the mark must hold, or '' to store in any case
-- ARGV[2]  the value; '' for no such thing
-- ARGV[3]  the companion
-- ARGV[4]  for how long, in milliseconds
-- Reply    1 stored, 0 invalidated
if ARGV[1] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
end
redis.call('DEL', KEYS[3])
return 1

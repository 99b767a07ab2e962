-- Marks an entry as being loaded, and returns the mark: that of a load that is under way, if there is one.
--
-- KEYS[1]  the mark, a string
-- ARGV[1]  a new mark
-- ARGV[2]  how long it lasts, in milliseconds
-- Reply    the mark
local mark = redis.call('GET', KEYS[1])
if mark then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return mark
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]

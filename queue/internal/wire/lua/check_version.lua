-- Raises the version of what is in Redis to a program's own, and returns what it was before.
-- KEYS[1]  version
-- ARGV[1]  the program's version
-- Reply    the version that was found, 0 if there was none
local found = tonumber(redis.call('GET', KEYS[1]) or 0)
if found < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return found

-- Raises the version of what is in Redis to a program's own, and returns what it was before. A key that holds no number
-- is no version: it is replaced.
--
-- KEYS[1]  version
-- ARGV[1]  the program's version
-- Reply    the version that was found, 0 if there was none
local found = redis.pcall('GET', KEYS[1])
found = type(found) == 'string' and tonumber(found) or 0
if found < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return found

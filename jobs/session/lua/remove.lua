-- Deletes a session if nobody changed it.
--
-- KEYS[1]  the session, a string
-- ARGV[1]  the text that was read
-- Reply    1 deleted, 0 it was changed, -1 it is gone
local current = redis.call('GET', KEYS[1])
if not current then
  return -1
end
if current ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])

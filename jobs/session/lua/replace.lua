-- Replaces a session if nobody changed it. Sent a second time after a lost reply, it finds its own text, which no other
-- writer can have made, because of the revision in it.
--
-- KEYS[1]  the session, a string
-- ARGV[1]  the text that was read
-- ARGV[2]  the new text
-- ARGV[3]  how long it lives, in milliseconds
-- Reply    1 replaced, 0 it was changed, -1 it is gone
local current = redis.call('GET', KEYS[1])
if not current then
  return -1
end
if current ~= ARGV[1] and current ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1

-- Adds an API key, unless its name is taken. Sent a second time after a lost reply, it finds the key that it has added.
--
-- KEYS[1]  the API keys, a hash
-- ARGV[1]  the name
-- ARGV[2]  the SHA-256 of the key, in hex
-- ARGV[3]  what the key is, as JSON
-- ARGV[4]  how many keys there may be
-- Reply    1 added, 0 the name is taken, -1 there are as many as there may be
local name = 'name:' .. ARGV[1]
local holder = redis.call('HGET', KEYS[1], name)
if holder then
  return holder == ARGV[2] and 1 or 0
end
if redis.call('HLEN', KEYS[1]) >= 2 * ARGV[4] then
  return -1
end
redis.call('HSET', KEYS[1], name, ARGV[2], 'key:' .. ARGV[2], ARGV[3])
return 1

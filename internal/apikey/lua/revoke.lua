-- Removes the API key of a name.
--
-- KEYS[1]  the API keys, a hash
-- ARGV[1]  the name
-- Reply    the SHA-256 of the key and what it was, as JSON; nothing if there is no such key
local name = 'name:' .. ARGV[1]
local sum = redis.call('HGET', KEYS[1], name)
if not sum then
  return {}
end
local text = redis.call('HGET', KEYS[1], 'key:' .. sum)
redis.call('HDEL', KEYS[1], name, 'key:' .. sum)
return {sum, text or ''}

-- Keeps a notification in its channel's log and publishes it, once for each call. The keys share a slot.
--
-- KEYS[1]  the log, a stream
-- KEYS[2]  the mark that this call was made, a string: the entry's ID
-- ARGV[1]  the channel
-- ARGV[2]  the notification, a JSON object with at least one field and without an ID
-- ARGV[3]  how many entries the log keeps, at the least
-- ARGV[4]  how long the log stays, in milliseconds
-- ARGV[5]  how long the mark stays, in milliseconds
-- Reply    the ID of the entry, that of the earlier call if there was one
local sent = redis.call('GET', KEYS[2])
if sent then
  return sent
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'data', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], '{"id":"' .. id .. '",' .. string.sub(ARGV[2], 2))
redis.call('SET', KEYS[2], id, 'PX', ARGV[5])
return id

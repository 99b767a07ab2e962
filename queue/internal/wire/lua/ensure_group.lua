-- Makes a queue's stream and its group where they are missing, also in a full Redis: a queue that was filled before its
-- first worker came could not be drained otherwise. It adds some hundred bytes, once.
--
-- KEYS[1]  stream
-- KEYS[2]  workers
-- ARGV[1]  group
-- Reply    1 made, 0 it was there
allow_when_full('ZREM', KEYS[2])
local reply = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if not reply.err then return 1 end
if string.find(reply.err, 'BUSYGROUP', 1, true) then return 0 end
return reply

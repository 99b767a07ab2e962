-- Writes or deletes a cron entry, if the one that is there is the one that the caller has read.
--
-- KEYS[1]  cron
-- KEYS[2]  cron:next
-- KEYS[3]  cron:state
-- KEYS[4]  cron:history
-- ARGV[1]  its name
-- ARGV[2]  the entry that was read, or ''
-- ARGV[3]  the entry to write, or '' to delete it
-- ARGV[4]  its next tick in ms; 0 for none; '' for that which it has
-- ARGV[5]  when that tick is due in ms
-- ARGV[6]  how many entries there may be
-- Reply    1 it is written or deleted, 0 there was another one, 2 there are too many
local name = ARGV[1]
if (redis.call('HGET', KEYS[1], name) or '') ~= ARGV[2] then return 0 end
redis.call('ZCARD', KEYS[2]) -- keys of another type fail here, before anything is written
local state = redis.call('HGET', KEYS[3], name) or ''
if ARGV[2] ~= '' then -- it adds next to nothing
  allow_when_full('ZREM', KEYS[2])
elseif redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then
  return 2
end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('HDEL', KEYS[1], name)
  redis.call('DEL', KEYS[4])
  return 1
end
local revision, tick, held, jobs = string.match(state, '^(%d+) (%d+) (%S+) ?(.*)$')
if ARGV[4] ~= '' then tick, held = ARGV[4], '-' end
redis.call('HSET', KEYS[1], name, ARGV[3])
redis.call('HSET', KEYS[3], name, cron_state(revision or '0', tick or '0', held or '-', jobs or ''))
if ARGV[4] == '0' then
  redis.call('ZREM', KEYS[2], name)
elseif ARGV[4] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[5], name)
end
return 1

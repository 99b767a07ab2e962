-- Deletes a job wherever it was last seen, and sets its unique key free.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  dead
-- KEYS[6]  dead:ids
-- KEYS[7]  totals
-- KEYS[8]  job
-- KEYS[9]  unique key (only if the job has one)
-- ARGV[1]  job ID
-- ARGV[2]  group
-- ARGV[3]  its entry in the stream, or ''
-- ARGV[4]  its entry among the dead, or ''
-- Reply    1 deleted, 0 it is not there any more
local found = redis.call('DEL', KEYS[8])
local function note(where)
  found = 1
  count(nil, KEYS[7], where, 1)
end
if redis.call('ZREM', KEYS[2], ARGV[1]) + redis.call('ZREM', KEYS[3], ARGV[1]) > 0 then
  redis.call('HDEL', KEYS[4], ARGV[1])
  note('deleted_scheduled')
end
if ARGV[4] ~= '' and redis.call('XDEL', KEYS[5], ARGV[4]) == 1 then
  if redis.call('HGET', KEYS[6], ARGV[1]) == ARGV[4] then redis.call('HDEL', KEYS[6], ARGV[1]) end
  note('deleted_dead')
end
if ARGV[3] ~= '' and redis.call('XDEL', KEYS[1], ARGV[3]) == 1 then
  redis.pcall('XACK', KEYS[1], ARGV[2], ARGV[3])
  note('deleted_stream')
end
if found == 1 then release_unique(KEYS[9], ARGV[1]) end
return found

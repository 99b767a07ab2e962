-- Deletes cancellations of jobs that ended otherwise, once every worker has had time to find them with a heartbeat: a
-- few at random, again and again.
--
-- KEYS[1]  stream
-- KEYS[2]  cancelled
-- ARGV[1]  group
-- ARGV[2]  how many to look at
-- ARGV[3]  how old a cancellation must be, in ms
-- Reply    how many were deleted
local old, deleted = now_ms() - ARGV[3], 0
for _, entry in ipairs(redis.call('HRANDFIELD', KEYS[2], ARGV[2])) do
  local at = string.match(redis.call('HGET', KEYS[2], entry), '"at_ms":(%d+)')
  if (not at or tonumber(at) < old) and not consumer_of(KEYS[1], ARGV[1], entry) then
    deleted = deleted + redis.call('HDEL', KEYS[2], entry)
  end
end
return deleted

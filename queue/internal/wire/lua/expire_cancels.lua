-- Forgets cancellations of jobs that ended otherwise, once every worker has had time to hear of them: a few at random,
-- again and again.
-- KEYS  1 stream  2 cancelled
-- ARGV  1 group  2 how many to look at  3 how old a cancellation must be, ms
-- REPLY how many were forgotten
local time = redis.call('TIME')
local old, forgotten = time[1] * 1000 - ARGV[3], 0
for _, entry in ipairs(redis.call('HRANDFIELD', KEYS[2], ARGV[2])) do
  local at = string.match(redis.call('HGET', KEYS[2], entry), '"at_ms":(%d+)')
  if not at or tonumber(at) < old then
    local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
    if rows.err or #rows == 0 then forgotten = forgotten + redis.call('HDEL', KEYS[2], entry) end
  end
end
return forgotten

-- Forgets cancellations of jobs that have ended before a worker heard of them: a few at random, again and again.
-- KEYS  1 stream  2 cancelled
-- ARGV  1 group  2 how many to look at
-- REPLY how many were forgotten
local forgotten = 0
for _, entry in ipairs(redis.call('HRANDFIELD', KEYS[2], ARGV[2])) do
  local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
  if rows.err or #rows == 0 then forgotten = forgotten + redis.call('HDEL', KEYS[2], entry) end
end
return forgotten

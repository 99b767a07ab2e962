-- Notes, before their handlers begin, that a worker runs jobs of which a crash is noted: if it dies now they may be to
-- blame, or the prime suspects among them alone.
--
-- KEYS[1]  worker
-- KEYS[2]  crashed
-- ARGV[1]  consumer
-- ARGV[2]  the entries of the prime suspects that it runs then, with a space between; '' without a new one
-- ARGV[3…] entries
-- Reply    {which bookkeeping failed, and why}; -1 the worker lost its lease
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local failures = {}
try(failures, 'HDEL', KEYS[2], '\0') -- as allow_when_full, but its failure stops nothing
if ARGV[2] ~= '' then redis.pcall('HSET', KEYS[1], 'suspect', ARGV[2]) end
for i = 3, #ARGV do
  if try(failures, 'HEXISTS', KEYS[2], ARGV[i]) == 1 then
    try(failures, 'HSET', KEYS[2], ARGV[i] .. ':began', string.format('%.0f/%s', now_ms(), ARGV[1]))
  end
end
return failures

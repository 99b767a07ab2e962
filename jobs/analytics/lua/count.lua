-- Counts the events of many jobs, each job's once. Both keys are in one slot: the marks' hash tag is the counters' name.
-- A mark stays until the job is acknowledged, and a later call takes it away: the set is as large as what is under way.
--
-- KEYS[1]  the day's counters, a hash: event to count
-- KEYS[2]  the marks of jobs that were counted, a set
-- ARGV[1]  how long the marks stay after the last call, in milliseconds
-- ARGV[2]  how many jobs: n
-- ARGV[3…] their n marks, then their n events, then marks of jobs that were acknowledged
-- Reply    how many were counted; those with a mark were counted before
local n = tonumber(ARGV[2])
local seen = n > 0 and redis.call('SMISMEMBER', KEYS[2], unpack(ARGV, 3, 2 + n))
local fresh, marked, events, counts = {}, {}, {}, {}
for i = 1, n do
  local mark, event = ARGV[2 + i], ARGV[2 + n + i]
  if seen[i] == 0 and not marked[mark] then
    marked[mark] = true
    fresh[#fresh + 1] = mark
    if not counts[event] then events[#events + 1] = event end
    counts[event] = (counts[event] or 0) + 1
  end
end
if #fresh > 0 then
  redis.call('SADD', KEYS[2], unpack(fresh))
  for _, event in ipairs(events) do
    redis.call('HINCRBY', KEYS[1], event, counts[event])
  end
end
if #ARGV > 2 + 2 * n then
  redis.call('SREM', KEYS[2], unpack(ARGV, 3 + 2 * n))
end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return #fresh

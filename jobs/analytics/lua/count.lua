-- Counts the events of many jobs, each job's once. Both keys are in one slot: the marks' hash tag is the counters'
-- name. A mark stays until the job is acknowledged, and a later call takes it away: the set is as large as what is
-- under way.
--
-- KEYS[1]  the day's counters, a hash: event to count
-- KEYS[2]  the marks of jobs that were counted, a set
-- ARGV[1]  how long the marks stay after the last call, in milliseconds
-- ARGV[2]  how long the counters stay after the last call, in milliseconds; 0 leaves their lifetime as it is
-- ARGV[3]  how many names of events the counters hold
-- ARGV[4]  the name under which others are counted
-- ARGV[5]  how many jobs: n
-- ARGV[6…] their n marks, then their n events, then marks of jobs that were acknowledged
-- Reply    how many were counted; those with a mark were counted before
local n = tonumber(ARGV[5])
local seen = n > 0 and redis.call('SMISMEMBER', KEYS[2], unpack(ARGV, 6, 5 + n))
local fresh, marked, events, counts = {}, {}, {}, {}
for i = 1, n do
  local mark, event = ARGV[5 + i], ARGV[5 + n + i]
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
    count_name(KEYS[1], event, counts[event], ARGV[3], ARGV[4])
  end
end
if #ARGV > 5 + 2 * n then
  redis.call('SREM', KEYS[2], unpack(ARGV, 6 + 2 * n))
end
if ARGV[2] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
call_if_there('PEXPIRE', KEYS[2], ARGV[1])
return #fresh

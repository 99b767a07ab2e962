-- Brings one day's counts into a month's, as often as it is called and however the day has grown or gone meanwhile:
-- what each day has given is kept beside the total, and only what is new is added. Both keys are in one slot.
--
-- KEYS[1]  the month's counters, a hash: event to count
-- KEYS[2]  what each day has given, a hash: day and event to count
-- ARGV[1]  the day
-- ARGV[2]  how long to keep what the days have given, in milliseconds
-- ARGV[3]  how many names of events the counters hold
-- ARGV[4]  the name under which others are counted
-- ARGV[5…] for each event: its name, and its count on that day
-- Reply    by how much the month's total has grown
local grown = 0
for i = 5, #ARGV, 2 do
  local field = ARGV[1] .. ' ' .. ARGV[i]
  local added = tonumber(ARGV[i + 1]) - tonumber(redis.call('HGET', KEYS[2], field) or '0')
  if added > 0 then
    redis.call('HSET', KEYS[2], field, ARGV[i + 1])
    count_name(KEYS[1], ARGV[i], added, ARGV[3], ARGV[4])
    grown = grown + added
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return grown

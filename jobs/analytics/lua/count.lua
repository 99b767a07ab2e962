-- Counts an event once for each job. Both keys are in one slot: the mark's hash tag is the counter's name.
--
-- KEYS[1]  the day's counters, a hash: event to count
-- KEYS[2]  the mark that the job's event was counted, a string
-- ARGV[1]  the event
-- ARGV[2]  how long the mark stays, in milliseconds
-- Reply    1 counted, 0 it was counted before
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
return 1

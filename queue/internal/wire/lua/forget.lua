-- Deletes what belongs to a queue that has no job, no worker and no cron entry. A stream that other programs write
-- stays.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  dead
-- KEYS[6]  cancelled:jobs
-- KEYS[7]  workers
-- KEYS[8]  paused
-- KEYS[9]  dead:ids
-- KEYS[10] cancelled:ids
-- KEYS[11] cancelled
-- KEYS[12] crashed
-- KEYS[13] totals
-- KEYS[14] counts of all time
-- KEYS[15] ids
-- KEYS[16] ids:ends
-- KEYS[17] cron
-- KEYS[18] cron:next
-- KEYS[19] cron:state
-- KEYS[20] expired:jobs
-- KEYS[21] expired:ids
-- KEYS[22] started
-- KEYS[23…] of each other lane, if there are any: stream, workers, cancelled, crashed, started
-- ARGV[1]  raw, or nothing
-- Reply    1; 0 it has a job, a worker or a cron entry, or is paused
local function holds(stream)
  return redis.call('EXISTS', stream) == 1 and redis.call('XLEN', stream) > 0
end
if ARGV[1] ~= 'raw' and holds(KEYS[1]) or holds(KEYS[5]) or holds(KEYS[6]) or holds(KEYS[20]) then return 0 end
if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[7], KEYS[8], KEYS[17]) > 0 then return 0 end
for k = 23, #KEYS, 5 do
  if holds(KEYS[k]) or redis.call('EXISTS', KEYS[k + 1]) == 1 then return 0 end
end
for k = 23, #KEYS, 5 do
  for n = k, k + 4 do redis.call('DEL', KEYS[n]) end
end
if ARGV[1] ~= 'raw' then redis.call('DEL', KEYS[1]) end
redis.call('DEL', KEYS[5], KEYS[6], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16],
  KEYS[18], KEYS[19], KEYS[20], KEYS[21], KEYS[22])
return 1

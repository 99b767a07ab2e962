-- Makes a delayed or retrying job due at another time. The caretaker is notified as of a new one.
--
-- KEYS[1]  delayed
-- KEYS[2]  retrying
-- ARGV[1]  job ID, or what stands for the job in bodies
-- ARGV[2]  when it is due, in ms
-- Reply    1 done, 0 the job is in neither
for k = 1, 2 do
  if redis.call('ZSCORE', KEYS[k], ARGV[1]) then
    redis.call('ZADD', KEYS[k], 'XX', ARGV[2], ARGV[1])
    ring(KEYS[1], KEYS[k], {ARGV[2], ARGV[1]})
    return 1
  end
end
return 0

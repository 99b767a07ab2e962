-- Enqueues a job that is delayed, or guarded by an ID or a unique key.
-- Repeating a call has no second effect: a guard that holds this call's own value shows that it took effect before.
-- So the job is added before its guards are set: a guard without a job would make a repeated call a false success.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  bodies
-- KEYS[4]  totals
-- KEYS[5…] guards, one for each pair of ARGV from 7
-- ARGV[1]  job ID
-- ARGV[2]  kind
-- ARGV[3]  data
-- ARGV[4]  meta or ''
-- ARGV[5]  when it is due, in ms, or '' for now
-- ARGV[6]  body, if there is a due time
-- ARGV[7…] value and lifetime in ms of each guard
-- Reply    {1, job ID} enqueued; {0, value, k} KEYS[k] was there before, with that value
for i = 5, #KEYS do
  local mine = ARGV[2 * i - 3]
  local holder = redis.call('GET', KEYS[i])
  if holder == mine then return {1, ARGV[1]} end
  if holder then return {0, holder, i} end
end
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[6])
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
else
  add_job(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
end
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2 * i - 3], 'PX', ARGV[2 * i - 2])
end
if ARGV[5] ~= '' then count(nil, KEYS[4], 'scheduled', 1) end
return {1, ARGV[1]}

-- Enqueues a job that is delayed, or guarded by an ID or a unique key.
-- Repeating a call has no second effect: a guard that holds this call's own value says that it took effect before.
-- KEYS  1 stream  2 delayed  3 bodies  4 totals  5... guards, one for each pair of ARGV from 7
-- ARGV  1 job ID  2 kind  3 data  4 meta or ""  5 due in ms or "" for now  6 body, if there is a due
--       7... value and lifetime in ms of each guard
-- REPLY {1, job ID} enqueued; {0, value, k} KEYS[k] was there before, with that value
for i = 5, #KEYS do
  local mine = ARGV[2 * i - 3]
  local holder = redis.call('GET', KEYS[i])
  if holder == mine then return {1, ARGV[1]} end
  if holder then return {0, holder, i} end
end
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2 * i - 3], 'PX', ARGV[2 * i - 2])
end
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[6])
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
  redis.call('HINCRBY', KEYS[4], 'scheduled', 1)
elseif ARGV[4] ~= '' then
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'kind', ARGV[2], 'data', ARGV[3], 'meta', ARGV[4])
else
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'kind', ARGV[2], 'data', ARGV[3])
end
return {1, ARGV[1]}

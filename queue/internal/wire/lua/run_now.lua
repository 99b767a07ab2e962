-- Puts a delayed or retrying job into its lane now: also while no worker lives that would promote it. The move adds
-- no more than it takes away, so a full Redis does not stop it.
--
-- KEYS[1]  stream, of the job's lane
-- KEYS[2]  bodies
-- KEYS[3]  totals
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- KEYS[6]  ids
-- ARGV[1]  job ID, or what stands for the job in bodies
-- Reply    1 done, 0 the job is in neither
local body = redis.call('HGET', KEYS[2], ARGV[1])
local delayed, retrying = redis.call('ZSCORE', KEYS[4], ARGV[1]), redis.call('ZSCORE', KEYS[5], ARGV[1])
if not body or not delayed and not retrying then return 0 end
allow_when_full('ZREM', KEYS[4])
if promote_jobs(KEYS[1], {}, KEYS[2], KEYS[4], KEYS[6], {ARGV[1]}) == 0 then return 0 end
redis.call('ZREM', KEYS[5], ARGV[1])
count(nil, KEYS[3], 'promoted', 1)
return 1

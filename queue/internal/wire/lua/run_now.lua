-- Puts a delayed or retrying job into the stream now: also while no worker lives that would promote it. The move adds no
-- more than it takes away, so a full Redis does not stop it.
--
-- KEYS[1]  stream
-- KEYS[2]  bodies
-- KEYS[3]  totals
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- ARGV[1]  job ID
-- Reply    1 done, 0 the job is in neither
allow_when_full('ZREM', KEYS[4])
for k = 4, 5 do
  if redis.call('ZSCORE', KEYS[k], ARGV[1]) then
    local promoted = promote_job(KEYS[1], KEYS[2], KEYS[k], ARGV[1])
    if promoted == 1 then count(nil, KEYS[3], 'promoted', 1) end
    return promoted
  end
end
return 0

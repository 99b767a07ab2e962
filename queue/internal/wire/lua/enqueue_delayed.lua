-- Enqueues delayed jobs that have nothing to guard them, many at a time. A full Redis refuses all of them.
--
-- KEYS[1]  delayed
-- KEYS[2]  bodies
-- KEYS[3]  totals
-- ARGV[1…] of each: the job ID, when it is due in ms, and the body
-- Reply    of each: 1
redis.call('HLEN', KEYS[2]) -- a key of another type fails here, before anything is written
local due, bodies, replies = {}, {}, {}
for i = 1, #ARGV, 3 do
  due[#due + 1] = ARGV[i + 1]
  due[#due + 1] = ARGV[i]
  bodies[#bodies + 1] = ARGV[i]
  bodies[#bodies + 1] = ARGV[i + 2]
  replies[#replies + 1] = 1
end
redis.call('ZADD', KEYS[1], unpack(due))
redis.call('HSET', KEYS[2], unpack(bodies))
count(nil, KEYS[3], 'scheduled', #replies)
ring(KEYS[1], KEYS[1], due)
return replies

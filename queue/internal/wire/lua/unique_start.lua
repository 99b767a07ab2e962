-- Sets the unique keys of jobs free that are held until the jobs start, many at a time, before their handlers begin.
-- The worker's registration is the fence, as for ack.lua. A worker that dies after this has started them: the keys stay
-- free. Repeating a call is harmless.
--
-- KEYS[1]  worker
-- KEYS[2…] unique key, of each
-- ARGV[1…] job ID, of each
-- Reply    1; 0 the worker lost its lease
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for n = 1, #ARGV do release_unique(KEYS[n + 1], ARGV[n]) end
return 1

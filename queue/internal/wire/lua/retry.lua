-- Moves a job that a worker holds to a later time, after a failed attempt or a snooze; not if it was cancelled
-- meanwhile. The move adds no more than it takes away, so a full Redis does not stop it.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed or retrying
-- KEYS[3]  bodies
-- KEYS[4]  totals
-- KEYS[5]  cancelled
-- KEYS[6]  ids (only if the ID was chosen)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  job ID
-- ARGV[5]  when it is due, in ms
-- ARGV[6]  body
-- ARGV[7]  total to count it in
-- Reply    1 moved, 2 it was cancelled, 0 the worker does not own the entry
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2]) then return 0 end
if try(nil, 'HEXISTS', KEYS[5], ARGV[3]) == 1 then return 2 end
allow_when_full('ZREM', KEYS[2])
local member, body, place = member_for(KEYS[3], ARGV[4], ARGV[6], ARGV[3])
redis.call('HSET', KEYS[3], member, body)
redis.call('ZADD', KEYS[2], ARGV[5], member)
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], ARGV[7], 1)
move_guard(KEYS[6], ARGV[4], 'stream:' .. ARGV[3], place)
return 1

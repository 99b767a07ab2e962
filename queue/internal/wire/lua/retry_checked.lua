-- Moves one job as retry.lua does many, if the entry still is that of the job: this may be another server than the one
-- that gave it to the worker, or the worker has lost its registration. A full Redis refuses it, before anything is
-- written, unless the body was cut to what the entry had.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed or retrying
-- KEYS[3]  bodies
-- KEYS[4]  totals
-- KEYS[5]  cancelled
-- KEYS[6]  counts of all time
-- KEYS[7]  ids (only if the ID was chosen)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  job ID
-- ARGV[5]  in how many ms it is due
-- ARGV[6]  body
-- ARGV[7]  total to count it in
-- ARGV[8]  the caller's clock, see queue_ms
-- ARGV[9]  '1' if the body was cut, else ''
-- ARGV[10] job ID, '' if it is the entry's
-- ARGV[11] how long the worker has held it, in ms
-- Reply    1 moved, 2 it was cancelled, 0 the worker does not own the entry
if not owns_job(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[10], ARGV[11]) then return 0 end
if try(nil, 'HEXISTS', KEYS[5], ARGV[3]) == 1 then return 2 end
if ARGV[9] == '1' then
  allow_when_full('ZREM', KEYS[2])
else
  redis.call('ZADD', KEYS[2], 'XX', 0, '\0') -- of a member that no key has: refused by a full Redis
end
local is_twin = redis.call('HEXISTS', KEYS[3], ARGV[4]) == 1
local member, body, place = member_for(KEYS[1], ARGV[4], ARGV[6], ARGV[3], is_twin)
redis.call('HSET', KEYS[3], member, body)
redis.call('ZADD', KEYS[2], due_in(queue_ms(KEYS[6], ARGV[8]), ARGV[5]), member)
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], ARGV[7], 1)
move_guard(KEYS[7], ARGV[4], place_of(KEYS[1], ARGV[3]), place)
return 1

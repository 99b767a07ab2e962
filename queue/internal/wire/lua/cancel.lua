-- Cancels or buries a job. One that no live worker holds is cancelled or dead at once: it is delayed, retrying,
-- waiting, parked, or pending for a consumer that has no lease. For one that a live worker holds a cancellation is
-- left, which that worker finds with its next heartbeat, and a worker that takes the job over finds with the job.
--
-- KEYS[1]  stream
-- KEYS[2]  dead or cancelled:jobs
-- KEYS[3]  dead:ids or cancelled:ids
-- KEYS[4]  totals
-- KEYS[5]  cancelled
-- KEYS[6]  workers
-- KEYS[7]  delayed
-- KEYS[8]  retrying
-- KEYS[9]  bodies
-- KEYS[10] ids
-- KEYS[11] unique key (only if the job has one)
-- ARGV[1]  group
-- ARGV[2]  job ID
-- ARGV[3]  its entry in the stream, or ''
-- ARGV[4]  its body, if it has no entry
-- ARGV[5]  the cancellation
-- ARGV[6]  how long the cancellation is kept, in s
-- ARGV[7]  'cancel', or 'bury': to be dead at once, also if a live worker holds it
-- ARGV[8]  what stands for it in bodies, if it has no entry
-- ARGV[9…] fields and values of its entry among the dead or cancelled
-- Reply    2 it has ended, 1 a cancellation was left, 0 the job is not there any more
local entry, to = ARGV[3], ARGV[7] == 'bury' and 'dead' or 'cancelled'
local total, from = to, place_of(KEYS[1], entry)
if entry == '' then
  if redis.call('HGET', KEYS[9], ARGV[8]) ~= ARGV[4] then return 0 end
  total = to == 'dead' and 'cancelled_scheduled' or 'cancelled_delayed'
  from = ARGV[8] == ARGV[2] and 'bodies' or 'bodies:' .. ARGV[8]
else
  if #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then return 0 end
  local consumer = consumer_of(KEYS[1], ARGV[1], entry)
  if consumer and has_lease(KEYS[6], consumer) then
    redis.call('HSET', KEYS[5], entry, ARGV[5])
    redis.call('EXPIRE', KEYS[5], ARGV[6])
    if ARGV[7] == 'cancel' then return 1 end
  end
end
local ended = add_ended(KEYS[2], KEYS[3], ARGV[2], {unpack(ARGV, 9)})
if entry == '' then
  redis.call('ZREM', KEYS[7], ARGV[8])
  redis.call('ZREM', KEYS[8], ARGV[8])
  redis.call('HDEL', KEYS[9], ARGV[8])
else
  remove_entry(KEYS[1], ARGV[1], entry)
end
count(nil, KEYS[4], total, 1)
move_guard(KEYS[10], ARGV[2], from, to .. ':' .. ended)
release_unique(KEYS[11], ARGV[2])
return 2

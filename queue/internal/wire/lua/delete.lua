-- Deletes a job where it was last seen, and sets its ID and its unique key free.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  dead, cancelled:jobs or expired:jobs
-- KEYS[6]  dead:ids, cancelled:ids or expired:ids
-- KEYS[7]  totals
-- KEYS[8]  job
-- KEYS[9]  ids
-- KEYS[10] ids:ends
-- KEYS[11] id marker
-- KEYS[12] result
-- KEYS[13] unique key (only if the job has one)
-- ARGV[1]  job ID
-- ARGV[2]  group
-- ARGV[3]  where it is: 'stream', 'bodies', 'dead', 'cancelled', 'expired' or, of one that was done, 'ended'
-- ARGV[4]  its entry, or what stands for it in bodies
-- Reply    1 deleted, 0 it is not there any more
local where, at, found = ARGV[3], ARGV[4], false
local place, counted, name = where .. ':' .. at, 'deleted_' .. where, at
if where == 'stream' then
  place, name = place_of(KEYS[1], at), name_of(KEYS[1], at)
  found = redis.call('XDEL', KEYS[1], at) == 1
  if found then redis.pcall('XACK', KEYS[1], ARGV[2], at) end
elseif where == 'bodies' then
  if at == ARGV[1] then place = where end
  counted = 'deleted_scheduled'
  found = redis.call('ZREM', KEYS[2], at) + redis.call('ZREM', KEYS[3], at) > 0
  if found then redis.call('HDEL', KEYS[4], at) end
elseif where == 'ended' then
  place = where
  local freed = free_guard(KEYS[9], KEYS[10], ARGV[1], where)
  found = redis.call('DEL', KEYS[8], KEYS[12]) > 0 or freed
  counted = nil
else
  found = remove_ended(KEYS[5], KEYS[6], ARGV[1], at)
end
if not found then return 0 end
if counted then count(nil, KEYS[7], counted, 1) end
if not is_record_of_other(KEYS[1], KEYS[8], name) then call_if_there('DEL', KEYS[8]) end
free_guard(KEYS[9], KEYS[10], ARGV[1], place)
redis.call('DEL', KEYS[11])
release_unique(KEYS[13], ARGV[1])
return 1

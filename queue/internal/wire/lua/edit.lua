-- Gives a job that nobody holds other data. An entry cannot change, so one that waits, or is parked, gets a new entry
-- at the end of the stream; a delayed or retrying job is changed where it is.
--
-- KEYS[1]  stream
-- KEYS[2]  bodies
-- KEYS[3]  totals
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- KEYS[6]  ids
-- KEYS[7]  cancelled
-- ARGV[1]  group
-- ARGV[2]  job ID
-- ARGV[3]  its entry in the stream, or ''
-- ARGV[4]  the consumer it is parked under, or ''; or, if it has no entry, what stands for it in bodies
-- ARGV[5]  kind; or its body as it was
-- ARGV[6]  data; or its body as it is to be
-- ARGV[7]  meta or ''
-- Reply    1 changed, 0 it is not there any more, not as it was, or a person has cancelled it, -1 a worker holds it
local entry = ARGV[3]
if entry == '' then
  if redis.call('HGET', KEYS[2], ARGV[4]) ~= ARGV[5] then return 0 end
  if not redis.call('ZSCORE', KEYS[4], ARGV[4]) and not redis.call('ZSCORE', KEYS[5], ARGV[4]) then return 0 end
  redis.call('HSET', KEYS[2], ARGV[4], ARGV[6])
  return 1
end
if not has_entry(KEYS[1], entry) then return 0 end
local consumer = consumer_of(KEYS[1], ARGV[1], entry) or ''
if consumer ~= '' and consumer ~= '~released' and consumer ~= '~orphans' then return -1 end
if consumer ~= ARGV[4] then return 0 end
if redis.call('HEXISTS', KEYS[7], entry) == 1 then return 0 end
local new = add_job(KEYS[1], ARGV[2], ARGV[5], ARGV[6], ARGV[7])
remove_entry(KEYS[1], ARGV[1], entry)
count(nil, KEYS[3], 'edited', 1)
move_guard(KEYS[6], ARGV[2], place_of(KEYS[1], entry), place_of(KEYS[1], new))
return 1

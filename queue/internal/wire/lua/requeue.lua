-- Brings a dead or cancelled job back to the end of the stream.
--
-- KEYS[1]  stream
-- KEYS[2]  dead or cancelled:jobs
-- KEYS[3]  dead:ids or cancelled:ids
-- KEYS[4]  totals
-- KEYS[5]  ids
-- ARGV[1]  job ID
-- ARGV[2]  its entry among the dead or cancelled
-- ARGV[3]  kind
-- ARGV[4]  data
-- ARGV[5]  meta or ''
-- ARGV[6]  'dead' or 'cancelled'
-- Reply    1 requeued, 0 it is not there any more
if not has_entry(KEYS[2], ARGV[2]) then return 0 end
local entry = add_job(KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5])
remove_ended(KEYS[2], KEYS[3], ARGV[1], ARGV[2])
count(nil, KEYS[4], ARGV[6] == 'dead' and 'requeued' or 'requeued_cancelled', 1)
move_guard(KEYS[5], ARGV[1], ARGV[6] .. ':' .. ARGV[2], place_of(KEYS[1], entry))
return 1

-- Moves a job that a worker holds, and that was not started in time, to the expired ones, and sets its ID and its
-- unique key free. A full Redis refuses it, before anything is written, unless it was cut.
--
-- KEYS[1]  stream
-- KEYS[2]  expired:jobs
-- KEYS[3]  expired:ids
-- KEYS[4]  totals
-- KEYS[5]  ids
-- KEYS[6]  ids:ends
-- KEYS[7]  unique key (only if the job has one)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  job ID
-- ARGV[5]  '1' if it was cut, else ''
-- ARGV[6]  job ID, '' if it is the entry's
-- ARGV[7]  how long the worker has held it, in ms
-- ARGV[8…] fields and values of the entry there
-- Reply    1 moved, 0 the worker does not own the entry
if not owns_job(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[6], ARGV[7]) then return 0 end
if ARGV[5] == '1' then allow_when_full('HDEL', KEYS[3]) end
add_ended(KEYS[2], KEYS[3], ARGV[4], {unpack(ARGV, 8)})
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], 'expired', 1)
free_guard(KEYS[5], KEYS[6], ARGV[4], place_of(KEYS[1], ARGV[3]))
release_unique(KEYS[7], ARGV[4])
return 1

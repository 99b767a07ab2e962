-- Moves a job that a worker holds to the dead or cancelled ones, and sets its unique key free. A full Redis refuses it,
-- before anything is written, unless the text of the error was cut.
--
-- KEYS[1]  stream
-- KEYS[2]  dead or cancelled:jobs
-- KEYS[3]  dead:ids or cancelled:ids
-- KEYS[4]  totals
-- KEYS[5]  ids
-- KEYS[6]  unique key (only if the job has one)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  job ID
-- ARGV[5]  'dead' or 'cancelled'
-- ARGV[6]  '1' if it was cut, else ''
-- ARGV[7]  job ID, '' if it is the entry's
-- ARGV[8]  how long the worker has held it, in ms
-- ARGV[9…] fields and values of the entry there
-- Reply    1 moved, 0 the worker does not own the entry
if not owns_job(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[7], ARGV[8]) then return 0 end
if ARGV[6] == '1' then allow_when_full('HDEL', KEYS[3]) end
local ended = add_ended(KEYS[2], KEYS[3], ARGV[4], {unpack(ARGV, 9)})
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], ARGV[5], 1)
move_guard(KEYS[5], ARGV[4], place_of(KEYS[1], ARGV[3]), ARGV[5] .. ':' .. ended)
release_unique(KEYS[6], ARGV[4])
return 1

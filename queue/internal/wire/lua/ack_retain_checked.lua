-- Finishes one entry whose job is kept for a while with its result: under its ID, or under its entry if the record of
-- another job of that ID is there. A full Redis refuses it, before anything is written, unless the record was cut.
--
-- KEYS[1]  stream
-- KEYS[2]  totals
-- KEYS[3]  job
-- KEYS[4]  job of its entry
-- KEYS[5]  ids (only if the ID was chosen)
-- KEYS[6]  ids:ends (likewise)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  how long to keep the job, in ms
-- ARGV[5]  job ID
-- ARGV[6]  '1' if the record was cut, else ''
-- ARGV[7]  job ID, '' if it is the entry's
-- ARGV[8]  how long the worker has held it, in ms
-- ARGV[9…] its fields and values
-- Reply    1 done, 0 the worker does not own the entry
if not owns_job(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[7], ARGV[8]) then return 0 end
local other = is_record_of_other(KEYS[1], KEYS[3], ARGV[3])
if ARGV[6] == '1' then allow_when_full('HDEL', KEYS[3]) end
set_record(other and KEYS[4] or KEYS[3], ARGV[3], ARGV[4], {unpack(ARGV, 9)})
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[2], 'done', 1)
end_guard(KEYS[5], KEYS[6], ARGV[5], 'stream:' .. ARGV[3], 'done')
return 1

-- Records how far a job is that a worker runs: under its ID, or under its entry if the record of another job of that ID
-- is there.
--
-- KEYS[1]  stream
-- KEYS[2]  job
-- KEYS[3]  job of its entry
-- ARGV[1]  the entry's name, see name_of
-- ARGV[2]  how long the record is kept, in ms
-- ARGV[3]  progress
-- Reply    1
local other = is_record_of_other(KEYS[1], KEYS[2], ARGV[1])
set_record(other and KEYS[3] or KEYS[2], ARGV[1], ARGV[2], {'progress', ARGV[3]})
return 1

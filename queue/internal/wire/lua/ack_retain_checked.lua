-- Finishes one entry as ack_retain.lua does many, if it still is that of the job: this may be another server than the
-- one that gave it to the worker, or the worker has lost its registration. What is kept goes under the job's ID, or
-- under its entry if that of another job of that ID is there. A full Redis refuses it, before anything is written,
-- unless it was cut.
--
-- KEYS[1]  stream
-- KEYS[2]  totals
-- KEYS[3]  result
-- KEYS[4]  result of its entry
-- KEYS[5]  ids (only if the ID was chosen)
-- KEYS[6]  ids:ends (likewise)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  how long to keep it, in ms
-- ARGV[5]  what is kept
-- ARGV[6]  the job ID if it was chosen, else ''
-- ARGV[7]  '1' if what is kept was cut, else ''
-- ARGV[8]  job ID, '' if it is the entry's
-- ARGV[9]  how long the worker has held it, in ms
-- Reply    1 done, 0 the worker does not own the entry
if not owns_job(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[8], ARGV[9]) then return 0 end
if ARGV[7] == '1' then redis.call('XACK', KEYS[1], ARGV[1], '0-0') end -- opens the door, see allow_when_full
if ARGV[6] ~= '' then -- what is there is of an earlier job of that ID
  redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4])
elseif not redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4], 'NX') then
  redis.call('SET', KEYS[4], ARGV[5], 'PX', ARGV[4])
end
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[2], 'done', 1)
if ARGV[6] ~= '' then end_guard(KEYS[5], KEYS[6], ARGV[6], place_of(KEYS[1], ARGV[3]), 'done') end
return 1

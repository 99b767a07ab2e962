-- Acknowledges and deletes finished entries of a worker one by one, each if it still is its job's: this may be another
-- server than the one that gave the worker those entries, and their IDs may be those of other jobs here.
--
-- KEYS[1]  stream
-- KEYS[2]  worker
-- KEYS[3]  totals
-- KEYS[4]  ids
-- KEYS[5]  ids:ends
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3…] of each: the entry, the job ID or '' if it is the entry's, how long it has been held in ms, and '1' if the
--          ID was chosen
-- Reply    {1 if the worker is registered, the entries that were acknowledged, those that are other jobs'}
local finished, others = {}, {}
for i = 3, #ARGV, 4 do
  local entry = ARGV[i]
  if owns_job(KEYS[1], ARGV[1], entry, ARGV[2], ARGV[i + 1], ARGV[i + 2]) then
    remove_entry(KEYS[1], ARGV[1], entry)
    count(nil, KEYS[3], 'done', 1)
    if ARGV[i + 3] == '1' then end_guard(KEYS[4], KEYS[5], ARGV[i + 1], place_of(KEYS[1], entry), 'done') end
    finished[#finished + 1] = entry
  elseif owns(KEYS[1], ARGV[1], entry, ARGV[2]) then
    others[#others + 1] = entry
  end
end
return {redis.call('EXISTS', KEYS[2]), finished, others}

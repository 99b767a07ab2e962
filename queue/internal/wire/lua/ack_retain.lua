-- Finishes entries whose jobs are kept for a while with their results, many at a time. For the server that gave the
-- worker those entries, and while it is registered: see ack.lua. A full Redis refuses all of them, before anything is
-- written.
--
-- KEYS[1]  stream
-- KEYS[2]  totals
-- KEYS[3]  worker
-- KEYS[4]  ids (only if an ID was chosen, else the stream)
-- KEYS[5]  ids:ends (likewise)
-- KEYS[6…] result, of each
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  '1' if this may be another server than the one that gave the entries
-- ARGV[4]  the first of the entries in the stream
-- ARGV[5]  the last of them
-- ARGV[6…] of each: the entry, how long to keep it in ms, what is kept, and the job ID if it was chosen, else ''
-- Reply    of each: 1 done, 0 the worker does not own the entry, 2 nothing was done, since the result of another job of
--          that ID is there; or -1 nothing was done, each must be checked
if ARGV[3] == '1' or redis.call('EXISTS', KEYS[3]) == 0 then return -1 end
local entries = {}
for i = 6, #ARGV, 4 do entries[#entries + 1] = ARGV[i] end
local held = held_by(KEYS[1], ARGV[1], ARGV[2], entries, ARGV[4], ARGV[5])
local verdicts, done, chosen, before, jobs = {}, {}, {}, {}, #entries
for n = 1, jobs do
  local entry, keep, record, id = ARGV[4 * n + 2], ARGV[4 * n + 3], ARGV[4 * n + 4], ARGV[4 * n + 5]
  verdicts[n] = 0
  if held[entry] and id ~= '' then -- what is there is of an earlier job of that ID
    redis.call('SET', KEYS[n + 5], record, 'PX', keep)
    chosen[#chosen + 1] = id
    before[#before + 1] = place_of(KEYS[1], entry)
    verdicts[n] = 1
  elseif held[entry] then
    verdicts[n] = redis.call('SET', KEYS[n + 5], record, 'PX', keep, 'NX') and 1 or 2
  end
  if verdicts[n] == 1 then done[#done + 1] = entry end
end
if #done == 0 then return verdicts end
redis.call('XACK', KEYS[1], ARGV[1], unpack(done))
redis.call('XDEL', KEYS[1], unpack(done))
count(nil, KEYS[2], 'done', #done)
end_guards(KEYS[4], KEYS[5], chosen, before, 'done')
return verdicts

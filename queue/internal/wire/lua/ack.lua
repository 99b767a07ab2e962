-- Acknowledges and deletes finished entries of a worker, many at a time, on the server that gave it those entries:
-- after a failover their IDs may be those of other jobs, see ack_checked.lua. The worker's registration is the fence:
-- the caretaker deletes it before it takes the first entry away. Without it, each entry is looked at: one that nobody
-- has taken yet is finished all the same.
--
-- KEYS[1]  stream
-- KEYS[2]  worker
-- KEYS[3]  totals
-- KEYS[4]  ids (only if an ID was chosen)
-- KEYS[5]  ids:ends (likewise)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many of the entries are of jobs whose IDs were chosen: the first ones
-- ARGV[4]  '1' if this may be another server than the one that gave them
-- ARGV[5…] those IDs, then all entries
-- Reply    how many were acknowledged; without a registration: the entries that were; -1 nothing was done, each must be
--          checked
if ARGV[4] == '1' then return -1 end
local chosen, list = tonumber(ARGV[3]), {unpack(ARGV, 5)}
local function end_those(are_gone)
  local ids, before = {}, {}
  for i = 1, chosen do
    local entry = list[chosen + i]
    if are_gone or not has_entry(KEYS[1], entry) then
      ids[#ids + 1] = list[i]
      before[#before + 1] = place_of(KEYS[1], entry)
    end
  end
  end_guards(KEYS[4], KEYS[5], ids, before, 'done')
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(list, chosen + 1))
  redis.call('XDEL', KEYS[1], unpack(list, chosen + 1))
  if acked > 0 then count(nil, KEYS[3], 'done', acked) end
  if chosen > 0 then end_those(true) end
  return acked
end
local finished = {}
for i = chosen + 1, #list do
  if owns(KEYS[1], ARGV[1], list[i], ARGV[2]) then
    remove_entry(KEYS[1], ARGV[1], list[i])
    count(nil, KEYS[3], 'done', 1)
    finished[#finished + 1] = list[i]
  end
end
if chosen > 0 then end_those(false) end
return finished

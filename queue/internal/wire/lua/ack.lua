-- Acknowledges and deletes finished entries of a worker, many at a time. The worker's registration is the fence:
-- the caretaker deletes it before it takes the first entry away. Without it, each entry is looked at: one that nobody
-- has taken yet is finished all the same.
--
-- KEYS[1]  stream
-- KEYS[2]  worker
-- KEYS[3]  totals
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3…] entries
-- Reply    how many were acknowledged; without a registration: the entries that were
if redis.call('EXISTS', KEYS[2]) == 1 then
  local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 3))
  redis.call('XDEL', KEYS[1], unpack(ARGV, 3))
  if acked > 0 then count(nil, KEYS[3], 'done', acked) end
  return acked
end
local finished = {}
for i = 3, #ARGV do
  if owns(KEYS[1], ARGV[1], ARGV[i], ARGV[2]) then
    remove_entry(KEYS[1], ARGV[1], ARGV[i])
    count(nil, KEYS[3], 'done', 1)
    finished[#finished + 1] = ARGV[i]
  end
end
return finished

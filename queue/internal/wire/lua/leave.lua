-- Deregisters a worker that stops, or an earlier incarnation of one: a page of what it still holds is parked, under
-- ~released or, to count the next delivery, ~orphans; when nothing is left, its registration and its consumer go.
--
-- KEYS[1]  stream
-- KEYS[2]  workers
-- KEYS[3]  worker
-- KEYS[4]  caretaker
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many entries at the most
-- ARGV[4]  where to park them
-- Reply    how many were handed back; 0 the worker is gone
local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[3], ARGV[2])
if not rows.err and #rows > 0 then
  for _, row in ipairs(rows) do
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[4], 0, row[1], 'JUSTID')
  end
  return #rows
end
local caretaker = redis.pcall('GET', KEYS[4]) -- of another type it is nobody's
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[2], ARGV[2])
if caretaker == ARGV[2] then redis.call('DEL', KEYS[4]) end
redis.pcall('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 0

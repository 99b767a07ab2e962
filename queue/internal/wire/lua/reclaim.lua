-- Parks a page of the entries of a worker whose lease has ended under ~orphans, for workers with free slots to take,
-- and notes for each which worker it was. The worker's registration goes first, so that it cannot finish what is taken
-- away; its empty consumer goes last. Deleting the registration also lets the rest write while Redis is
-- out of memory.
-- XPENDING's own IDLE would look at all entries of a consumer for those few that are idle: the page bounds what is
-- looked at.
--
-- KEYS[1]  stream
-- KEYS[2]  workers
-- KEYS[3]  worker
-- KEYS[4]  crashed
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many entries to look at
-- ARGV[4]  how long an entry must be idle, in ms, for a consumer that never had a lease; 0 for one that had
-- ARGV[5]  how long the crash is remembered, in s
-- ARGV[6]  where the page begins: -, or ( and the last entry of the page before
-- Reply    {how many were parked, the last entry of the page or '' behind the end, {which bookkeeping failed, and
--          why}}; -1 the worker has a lease after all
if has_lease(KEYS[2], ARGV[2]) then return -1 end
redis.call('DEL', KEYS[3])
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[6], '+', ARGV[3], ARGV[2])
local ids, failures = {}, {}
for _, row in ipairs(rows) do
  if row[3] >= tonumber(ARGV[4]) then ids[#ids + 1] = row[1] end
end
if #ids > 0 then
  local crashed, name = {}, listed_name(ARGV[2])
  for k, before in ipairs(try(failures, 'HMGET', KEYS[4], unpack(ids)) or {}) do
    crashed[2 * k - 1] = ids[k]
    crashed[2 * k] = before and before .. ' ' .. name or name
  end
  if #crashed > 0 then try(failures, 'HSET', KEYS[4], unpack(crashed)) end
  try(failures, 'EXPIRE', KEYS[4], ARGV[5])
  ids[#ids + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], '~orphans', 0, unpack(ids))
end
if #rows == tonumber(ARGV[3]) then return {math.max(#ids - 1, 0), rows[#rows][1], failures} end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return {math.max(#ids - 1, 0), '', failures}

-- Parks a page of the entries of a worker whose lease has ended under ~orphans, for workers with free slots to take,
-- and notes for each which worker it was. The worker's registration goes first, so that it cannot finish what is taken
-- away; its empty consumer goes last.
-- The first write is a command that Redis allows when it is out of memory, and so allows the rest.
-- KEYS  1 stream  2 workers  3 worker  4 crashed
-- ARGV  1 group  2 consumer  3 how many at the most  4 how long an entry must be idle, ms (a consumer that never had
--       a lease: 0 for one that had)  5 how long to remember the worker, s
-- REPLY how many were parked; -1 the worker has a lease after all
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('ZSCORE', KEYS[2], ARGV[2])
if lease and tonumber(lease) >= now then return -1 end
redis.call('DEL', KEYS[3])
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], '-', '+', ARGV[3], ARGV[2])
for _, row in ipairs(rows) do
  local before = redis.call('HGET', KEYS[4], row[1])
  redis.call('HSET', KEYS[4], row[1], before and before .. ' ' .. ARGV[2] or ARGV[2])
  redis.call('XCLAIM', KEYS[1], ARGV[1], '~orphans', 0, row[1], 'JUSTID')
end
if #rows > 0 then redis.call('EXPIRE', KEYS[4], ARGV[5]) end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return #rows

-- A worker's heartbeat: extends its lease by Redis' clock, writes its counts, and returns what the worker must act on.
-- Only the lease can make it fail: everything else is a step of its own that is passed over if it fails.
--
-- KEYS[1]  workers
-- KEYS[2]  worker
-- KEYS[3]  caretaker
-- KEYS[4]  stream
-- KEYS[5]  counts of the minute
-- KEYS[6]  counts of the hour
-- KEYS[7]  counts of all time
-- KEYS[8]  paused
-- KEYS[9]  cancelled
-- KEYS[10] totals
-- ARGV[1]  consumer
-- ARGV[2]  lease, in ms
-- ARGV[3]  how long it is caretaker, in ms
-- ARGV[4]  group
-- ARGV[5]  how long the minute is kept, in s
-- ARGV[6]  how long the hour is kept, in s
-- ARGV[7]  how many slots are busy
-- ARGV[8]  entries whose handlers are stuck
-- ARGV[9]  quiet, stopping or ''
-- ARGV[10] how many jobs the worker holds that have not started
-- ARGV[11] the entry of the oldest of them, or ''
-- ARGV[12] the entries of those that run, if there are such
-- ARGV[13] how long any worker is caretaker at the most, in ms
-- ARGV[14] how many values follow for the minute and the hour
-- ARGV[15…] those, names and numbers to add; then names and numbers to add to the counts of all time
-- Reply    {is caretaker (1 or 0), parked entries, {workers whose lease has ended}, {consumers that hold entries and
--          never had a lease}, Redis' time in ms, is paused (1 or 0), how many cancellations wait for workers, the
--          latest command to this worker or '', {which bookkeeping failed, and why}, {workers whose lease ends later
--          than this one's}, by how many ms Redis' clock is behind what it had reached, for the caretaker}; -1 the
--          worker lost its lease
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local now, failures = now_ms(), {}
allow_when_full('ZREM', KEYS[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
try(failures, 'HSET', KEYS[2], 'running', ARGV[7], 'stuck', ARGV[8], 'state', ARGV[9], 'held', ARGV[10],
  'oldest_held', ARGV[11], 'runs', ARGV[12])

local last = 14 + ARGV[14]
for i = 15, last, 2 do
  count(failures, KEYS[5], ARGV[i], ARGV[i + 1])
  count(failures, KEYS[6], ARGV[i], ARGV[i + 1])
end
for i = last + 1, #ARGV, 2 do count(failures, KEYS[7], ARGV[i], ARGV[i + 1]) end

local caretaker, holder = 0, try(failures, 'GET', KEYS[3])
if not holder or holder == ARGV[1] or not has_lease(KEYS[1], holder) or
  (try(failures, 'PTTL', KEYS[3]) or 0) > tonumber(ARGV[13]) then -- Redis' clock was set back since
  try(failures, 'SET', KEYS[3], ARGV[1], 'PX', ARGV[3])
  caretaker = 1
end

local parked, strays = 0, {}
local pending = redis.pcall('XPENDING', KEYS[4], ARGV[4])
if pending.err or not pending[4] then pending = {pending[1] or 0, false, false, {}} end
for _, row in ipairs(pending[4]) do
  if row[1] == '~orphans' or row[1] == '~released' then
    parked = parked + row[2]
  elseif caretaker == 1 and not redis.call('ZSCORE', KEYS[1], row[1]) then
    strays[#strays + 1] = row[1]
  end
end
local ended, late, behind = {}, {}, 0
if caretaker == 1 then
  local reached = reached_ms(KEYS[7], now)
  behind = reached - now
  late = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now + ARGV[2], '+inf', 'LIMIT', 0, 100)
  try(failures, 'HSET', KEYS[7], 'clock', string.format('%.0f %.0f', reached, now))
  ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now, 'LIMIT', 0, 100)
  local waiting = count_waiting(KEYS[4], ARGV[4], pending[1])
  for k = 5, 6 do try(failures, 'HSET', KEYS[k], 'waiting', waiting, 'in_flight', pending[1]) end
  local totals = try(failures, 'HMGET', KEYS[10], 'done', 'dead', 'retried', 'snoozed', 'scheduled', 'promoted')
  for _, total in ipairs(totals or {}) do
    if total and not tonumber(total) then add_failure(failures, KEYS[10], 'a total is not a number') end
  end
end
if caretaker == 1 or #ARGV > 14 then
  try(failures, 'EXPIRE', KEYS[5], ARGV[5])
  try(failures, 'EXPIRE', KEYS[6], ARGV[6])
end
return {caretaker, parked, ended, strays, now, redis.call('EXISTS', KEYS[8]), try(failures, 'HLEN', KEYS[9]) or 0,
  try(failures, 'HGET', KEYS[2], 'order') or '', failures, late, behind}

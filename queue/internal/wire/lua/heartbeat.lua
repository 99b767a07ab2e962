-- The heartbeat of a worker to some of its queues: extends its leases by Redis' clock, writes its counts, and returns
-- what the worker must act on. Of each queue only the lease can make it fail, and then for that queue alone: all else
-- is a step of its own that is passed over if it fails. Where nothing happens most heartbeats are brief: they leave out
-- what the caretaker counts.
--
-- KEYS[1…] of each queue fifteen: workers, worker, caretaker, stream, paused, cancelled, delayed, retrying, counts
--          of all time, counts of the minute, counts of the hour, totals, cron:next,
--          stream of the lane high, stream of the lane low
-- ARGV[1]  lease, in ms
-- ARGV[2]  how long it is caretaker, in ms
-- ARGV[3]  how long any worker is caretaker at the most, in ms
-- ARGV[4]  how long the minute is kept, in s
-- ARGV[5]  how long the hour is kept, in s
-- ARGV[6]  the caller's clock, see queue_ms
-- ARGV[7…] of each queue: how many values follow for it; consumer; group; '1' if it is brief, else ''; how many
--          values of the registration follow, and how many for the minute and the hour; those of the registration,
--          names and values; names and numbers to add to the minute and the hour; then to the counts of all time
-- Reply    of each queue {is caretaker (1 or 0), parked entries, {workers whose lease has ended}, {consumers that hold
--          entries and never had a lease}, Redis' time in ms, is paused (1 or 0), how many cancellations wait for
--          workers, the latest command to this worker or '', {which bookkeeping failed, and why}, {workers whose lease
--          ends later than this one's}, by how many ms Redis' clock is behind what it had reached, ms until the next
--          job is due or -1; the last three for the caretaker; ms until the next cron entry is due, negative if it is
--          overdue, or '' if there is none; has other lanes than the normal one (1 or 0)};
--          -1 the worker lost its lease; or why it failed, a text
local now, opened = now_ms(), false

local function ms_until_due(metrics, delayed, retrying)
  local next_due, at = -1, nil
  for _, key in ipairs({delayed, retrying}) do
    local first = try(nil, 'ZRANGE', key, 0, 0, 'WITHSCORES')
    if first and first[2] then
      at = at or queue_ms(metrics, ARGV[6])
      local wait = math.max(0, math.ceil(tonumber(first[2]) - at))
      if next_due < 0 or wait < next_due then next_due = wait end
    end
  end
  return next_due
end

local function ms_until_cron(metrics, crons)
  local first = try(nil, 'ZRANGE', crons, 0, 0, 'WITHSCORES')
  return first and first[2] and math.ceil(tonumber(first[2]) - queue_ms(metrics, ARGV[6])) or ''
end

local function has_lanes(high, low)
  return high ~= KEYS[1] and redis.call('EXISTS', high, low) > 0 and 1 or 0
end

local function beat(a, workers, worker, caretaker, stream, paused, cancelled, delayed, retrying, metrics, minute, hour,
  totals, crons, high, low)
  if redis.call('EXISTS', worker) == 0 then return -1 end
  local consumer, group, brief, failures = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3] == '1', {}
  if not opened then allow_when_full('ZREM', workers) end
  opened = true
  redis.call('ZADD', workers, now + ARGV[1], consumer)
  local fields, last = a + 5 + ARGV[a + 4], a + ARGV[a]
  if fields > a + 5 then try(failures, 'HSET', worker, unpack(ARGV, a + 6, fields)) end
  local period = fields + ARGV[a + 5]
  for i = fields + 1, period, 2 do
    count(failures, minute, ARGV[i], ARGV[i + 1])
    count(failures, hour, ARGV[i], ARGV[i + 1])
  end
  for i = period + 1, last, 2 do count(failures, metrics, ARGV[i], ARGV[i + 1]) end

  local is_caretaker, holder = 0, try(failures, 'GET', caretaker)
  if not holder or holder == consumer or not has_lease(workers, holder) or
    (try(failures, 'PTTL', caretaker) or 0) > tonumber(ARGV[3]) then -- Redis' clock was set back since
    try(failures, 'SET', caretaker, consumer, 'PX', ARGV[2])
    is_caretaker = 1
  end

  local parked, strays = 0, {}
  local pending = redis.pcall('XPENDING', stream, group)
  if pending.err or not pending[4] then pending = {pending[1] or 0, false, false, {}} end
  for _, row in ipairs(pending[4]) do
    if row[1] == '~orphans' or row[1] == '~released' then
      parked = parked + row[2]
    elseif is_caretaker == 1 and not redis.call('ZSCORE', workers, row[1]) then
      strays[#strays + 1] = row[1]
    end
  end
  local ended, late, behind, next_due = {}, {}, 0, -1
  if is_caretaker == 1 then
    ended = redis.call('ZRANGEBYSCORE', workers, '-inf', '(' .. now, 'LIMIT', 0, 100)
    next_due = ms_until_due(metrics, delayed, retrying)
  end
  if is_caretaker == 1 and not brief then
    local reached = reached_ms(metrics, now)
    behind = reached - now
    late = redis.call('ZRANGEBYSCORE', workers, '(' .. now + ARGV[1], '+inf', 'LIMIT', 0, 100)
    try(failures, 'HSET', metrics, 'clock', string.format('%.0f %.0f', reached, now))
    local waiting = count_waiting(stream, group, pending[1])
    local lane = lane_of(stream)
    local of = lane and ':' .. lane or ''
    try(failures, 'HSET', minute, 'waiting' .. of, waiting, 'in_flight' .. of, pending[1])
    try(failures, 'HSET', hour, 'waiting' .. of, waiting, 'in_flight' .. of, pending[1])
    local counted = try(failures, 'HMGET', totals, 'done', 'dead', 'retried', 'snoozed', 'scheduled', 'promoted')
    for _, total in ipairs(counted or {}) do
      if total and not tonumber(total) then add_failure(failures, totals, 'a total is not a number') end
    end
  end
  if not brief and is_caretaker == 1 or last > fields then
    try(failures, 'EXPIRE', minute, ARGV[4])
    try(failures, 'EXPIRE', hour, ARGV[5])
  end
  return {is_caretaker, parked, ended, strays, now, redis.call('EXISTS', paused), try(failures, 'HLEN', cancelled) or 0,
    try(failures, 'HGET', worker, 'order') or '', failures, late, behind, next_due,
    ms_until_cron(metrics, crons), has_lanes(high, low)}
end

local begins, left = {}, 0
for i = 7, #ARGV do
  if left > 0 then left = left - 1 else begins[#begins + 1], left = i, tonumber(ARGV[i]) end
end
local replies, failed, why = {}, 0, nil
for k = 1, #KEYS, 15 do
  local ok, reply = pcall(beat, begins[#replies + 1], KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4],
    KEYS[k + 5], KEYS[k + 6], KEYS[k + 7], KEYS[k + 8], KEYS[k + 9], KEYS[k + 10], KEYS[k + 11], KEYS[k + 12],
    KEYS[k + 13], KEYS[k + 14])
  if not ok then
    failed, why = failed + 1, reply
    reply = type(why) == 'table' and why.err or tostring(why)
  end
  replies[#replies + 1] = reply
end
if failed == #replies then error(why, 0) end
return replies

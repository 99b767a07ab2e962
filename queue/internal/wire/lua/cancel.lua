-- Cancels or buries a job. One that nobody runs goes to the dead at once: delayed, retrying, waiting, parked, or with a consumer
-- that has no lease. For one in a live worker's hands an order is left, which comes down with that worker's next beat,
-- or with the job to whoever takes it over.
-- KEYS  1 stream  2 dead  3 dead:ids  4 totals  5 cancelled  6 workers  7 delayed  8 retrying  9 bodies
--       10 unique key (only if the job has one)
-- ARGV  1 group  2 job ID  3 its entry in the stream, or ""  4 its body, if it has no entry  5 the order
--       6 how long the order is kept, s  7 "cancel", or "bury": to the dead at once, whoever runs it
--       8... fields and values of the dead entry
-- REPLY 2 dead; 1 ordered; 0 it is not there any more
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entry, count = ARGV[3], 'dead'
if entry == '' then
  if redis.call('HGET', KEYS[9], ARGV[2]) ~= ARGV[4] then return 0 end
  count = 'cancelled_scheduled'
else
  if #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then return 0 end
  local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
  local lease = not rows.err and rows[1] and redis.call('ZSCORE', KEYS[6], rows[1][2])
  if lease and tonumber(lease) >= now then
    redis.call('HSET', KEYS[5], entry, ARGV[5])
    redis.call('EXPIRE', KEYS[5], ARGV[6])
    if ARGV[7] == 'cancel' then return 1 end
  end
end
local dead = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 8))
redis.call('HSET', KEYS[3], ARGV[2], dead)
if entry == '' then
  redis.call('ZREM', KEYS[7], ARGV[2])
  redis.call('ZREM', KEYS[8], ARGV[2])
  redis.call('HDEL', KEYS[9], ARGV[2])
else
  redis.pcall('XACK', KEYS[1], ARGV[1], entry)
  redis.call('XDEL', KEYS[1], entry)
end
redis.call('HINCRBY', KEYS[4], count, 1)
if KEYS[10] and redis.call('GET', KEYS[10]) == ARGV[2] then redis.call('DEL', KEYS[10]) end
return 2

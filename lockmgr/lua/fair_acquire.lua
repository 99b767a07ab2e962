-- Takes a lock if nobody holds it and the caller is the first of the fair queue, which it joins at its first call.
-- Waiters whose lease ended are dead and leave the queue.
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the last fencing token, a string, kept for 7 days: later tokens are greater by the clock alone
-- KEYS[3]  the fair queue, a zset: waiter -> when it came, in microseconds
-- KEYS[4]  the waiters' leases, a zset: waiter -> its end in milliseconds
-- KEYS[5]  the mark of an attempt that was withdrawn before it arrived, a string
-- ARGV[1]  the waiter, and holder once it has the lock
-- ARGV[2]  TTL in milliseconds
-- ARGV[3]  a waiter's lease in milliseconds
-- Reply    {fencing token, 0}, or {0, milliseconds until something may change, negative if unknown}
if redis.call('EXISTS', KEYS[5]) == 1 then
  return {0, 0}
end
local us = now_us()
local ms = math.floor(us / 1000)
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  if last > 0 then
    return {last, 0}
  end
end

redis.call('ZADD', KEYS[4], ms + ARGV[3], ARGV[1])
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  local tail = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
  redis.call('ZADD', KEYS[3], string.format('%.0f', math.max(us, (tonumber(tail) or 0) + 1)), ARGV[1])
end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('PEXPIRE', KEYS[4], ARGV[3])

local head, lease
repeat
  head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
  lease = tonumber(redis.call('ZSCORE', KEYS[4], head)) or 0
  if lease > ms + ARGV[3] then -- Redis' clock was set back since
    lease = ms + ARGV[3]
    redis.call('ZADD', KEYS[4], lease, head)
  end
  if lease <= ms then
    redis.call('ZREM', KEYS[3], head)
    redis.call('ZREM', KEYS[4], head)
  end
until lease > ms

if head ~= ARGV[1] then
  return {0, lease - ms}
end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and holder ~= ARGV[1] then
  return {0, ends_in(KEYS[1], holder)}
end
local token = math.max(last + 1, us)
redis.call('SET', KEYS[2], string.format('%.0f', token), 'EX', 604800)
redis.call('ZREM', KEYS[3], head)
redis.call('ZREM', KEYS[4], head)
return {token, 0}

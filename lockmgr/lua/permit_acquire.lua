-- Takes one of a number of permits, or all of them. Holders whose lease ended are dead and lose theirs. A caller that
-- wants all and must wait leaves its intent, during which no other gets in: many short readers would keep a writer out
-- for ever.
--
-- KEYS[1]  the holders, a zset: holder -> end of its lease in milliseconds; a holder of all begins with !
-- KEYS[2]  the last fencing token, a string, kept for 7 days: later tokens are greater by the clock alone
-- KEYS[3]  the intent, a string: the waiter that wants all
-- KEYS[4]  the mark of an attempt that was withdrawn before it arrived, a string
-- ARGV[1]  the holder
-- ARGV[2]  TTL in milliseconds
-- ARGV[3]  how many permits there are; 0 to take all
-- ARGV[4]  how long an intent lasts in milliseconds; 0 for a caller that does not wait
-- ARGV[5]  how long any intent lasts at the most, in milliseconds
-- Reply    {fencing token, 0}, or {0, milliseconds until something may change}
if redis.call('EXISTS', KEYS[4]) == 1 then
  return {0, 0}
end
local us = now_us()
local ms = math.floor(us / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
local all = ARGV[3] == '0'
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local full
  if all then
    full = first[1]
  else
    full = redis.call('EXISTS', KEYS[3]) == 1 or redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3])
      or first[1] and string.sub(first[1], 1, 1) == '!'
  end
  if full then
    shorten_leases(KEYS[1], ms, ARGV[2])
    if redis.call('PTTL', KEYS[3]) > tonumber(ARGV[5]) then -- Redis' clock was set back since
      redis.call('PEXPIRE', KEYS[3], ARGV[5])
    end
    if all and ARGV[4] ~= '0' then
      redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[4])
    end
    local ends = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
    return {0, ends and ends - ms or redis.call('PTTL', KEYS[3])}
  end
end
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
local token = math.max(tonumber(redis.call('GET', KEYS[2]) or 0) + 1, us)
redis.call('SET', KEYS[2], string.format('%.0f', token), 'EX', 604800)
if all then
  redis.call('DEL', KEYS[3])
end
return {token, 0}

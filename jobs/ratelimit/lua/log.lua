-- Sliding log: one member for each call. Takes calls, or only looks. A refused call writes nothing.
--
-- KEYS[1]  the calls, a zset: unique member to its time in Unix seconds
-- ARGV[1]  how many calls to take; 0 looks what would become of one, and -n of n
-- ARGV[2]  the limit
-- ARGV[3]  the window, in microseconds
-- Reply    1 or 0 for allowed, calls remaining, retry after, reset after, now; times in microseconds
local take, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local want = math.max(math.abs(take), 1)
local now = now_us()

-- Scores are seconds, as other programs write them; a double distinguishes microseconds until the year 2106. Two scores
-- are compared as doubles made from the same digits, and everything else is in whole microseconds.
local function seconds(us)
  return string.format('%d.%06d', math.floor(us / 1000000), us % 1000000)
end

-- The first microsecond that is not before a score: other programs' scores may be finer than that.
local function micros(score)
  local us = math.floor(score * 1000000 + 0.5)
  if tonumber(seconds(us)) < tonumber(score) then
    us = us + 1
  end
  return us
end

local gone = seconds(now - window) -- a call of that moment is not in the window any more
local used = redis.call('ZCOUNT', KEYS[1], '(' .. gone, '+inf')
local newest = 0
if used > 0 then
  newest = micros(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
end

local allowed = used + want <= limit
local retry = 0
if not allowed then -- until only limit - want calls are left in the window
  local last = redis.call('ZREVRANGE', KEYS[1], limit - want, limit - want, 'WITHSCORES')
  retry = micros(last[2]) + window - now
elseif take > 0 then
  local score = seconds(now)
  local same = redis.call('ZCOUNT', KEYS[1], score, score) -- calls of this microsecond must not share a member
  for i = 1, take do
    redis.call('ZADD', KEYS[1], score, string.format('%s-%d', score, same + i))
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', gone)
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1)
  used, newest = used + take, math.max(newest, now)
end
local reset = used > 0 and newest + window - now or 0
return {allowed and 1 or 0, math.max(limit - used, 0), retry, reset, now}

-- Fixed window: a counter for each window. Takes calls, or only looks. A refused call writes nothing.
--
-- A key must be declared before the script knows the time, so the caller names the window that it believes in. If it
-- is another, the reply has the time.
--
-- KEYS[1]  the window's counter, a string
-- ARGV[1]  how many calls to take; 0 looks what would become of one, and -n of n
-- ARGV[2]  the limit
-- ARGV[3]  the window, in microseconds
-- ARGV[4]  the window's number since 1970, the one in the key
-- Reply    1 or 0 for allowed, or -1 for another window; calls remaining, retry after, reset after, now; times in
--          microseconds
local take, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local want = math.max(math.abs(take), 1)
local now = now_us()
if math.floor(now / window) ~= tonumber(ARGV[4]) then
  return {-1, 0, 0, 0, now}
end

local left = window - now % window
local used = tonumber(redis.call('GET', KEYS[1])) or 0
local allowed = used + want <= limit
if allowed and take > 0 then
  used = redis.call('INCRBY', KEYS[1], take)
  if used == take then
    redis.call('PEXPIRE', KEYS[1], math.ceil(left / 1000) + 1)
  end
end
return {allowed and 1 or 0, math.max(limit - used, 0), allowed and 0 or left, used > 0 and left or 0, now}

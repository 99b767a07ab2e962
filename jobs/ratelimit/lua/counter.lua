-- Sliding counter: the calls of this window, and those of the last one weighted by how much of it the sliding window
-- still covers. Takes calls, or only looks. A refused call writes nothing.
--
-- KEYS[1]  the counts, a hash: window (its number since 1970), count, previous (the count of the window before)
-- ARGV[1]  how many calls to take; 0 looks what would become of one, and -n of n
-- ARGV[2]  the limit
-- ARGV[3]  the window, in microseconds
-- Reply    1 or 0 for allowed, calls remaining, retry after, reset after, now; times in microseconds
local take, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local want = math.max(math.abs(take), 1)
local now = now_us()
local this = math.floor(now / window)
local left = window - now % window -- of this window, and of the last one in the sliding window

local counts = redis.call('HMGET', KEYS[1], 'window', 'count', 'previous')
local last, count, previous = tonumber(counts[1]), tonumber(counts[2]) or 0, tonumber(counts[3]) or 0
if last == this - 1 then
  previous, count = count, 0
elseif last ~= this then
  previous, count = 0, 0
end

local room = limit - want - count -- for what is left of the last window
local allowed = room >= 0 and previous * left <= room * window
local retry = 0
if allowed and take > 0 then
  count = count + take
  redis.call('HSET', KEYS[1], 'window', string.format('%d', this), 'count', count, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], math.ceil((left + window) / 1000) + 1)
elseif not allowed and room >= 0 then -- until enough of the last window is out of sight
  retry = left - math.floor(room * window / previous)
elseif not allowed then -- until enough of this window is
  retry = left + window - math.floor((limit - want) * window / count)
end
local reset = 0
if count > 0 then
  reset = left + window
elseif previous > 0 then
  reset = left
end
local remaining = math.floor(((limit - count) * window - previous * left) / window)
return {allowed and 1 or 0, math.max(remaining, 0), retry, reset, now}

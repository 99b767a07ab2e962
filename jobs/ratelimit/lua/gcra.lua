-- Generic cell rate algorithm: a bucket that leaks one call in each interval, kept as the moment when it will be empty
-- (the theoretical arrival time). Takes calls, or only looks. A refused call writes nothing.
--
-- The interval is a fraction of integers, as a third of a second is no whole number of microseconds. Within the script,
-- time is counted in units of a microsecond divided by the denominator, so nothing is ever rounded.
--
-- KEYS[1]  when the bucket will be empty, a string: Unix microseconds, and "+" units beyond that if there are any
-- ARGV[1]  how many calls to take; 0 looks what would become of one, and -n of n
-- ARGV[2]  the burst: how many calls the bucket holds
-- ARGV[3]  the interval's numerator, in microseconds
-- ARGV[4]  the interval's denominator
-- Reply    1 or 0 for allowed, calls remaining, retry after, reset after, now; times in microseconds
local take, burst, interval, units = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local want = math.max(math.abs(take), 1)
local now = now_us()

local us, rest = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)%+?(%d*)$')
local level = 0 -- of the bucket: how long it takes to leak empty
if us then
  level = (us - now) * units + math.min(tonumber(rest) or 0, units - 1)
end
local capacity = burst * interval
level = math.max(0, math.min(level, capacity)) -- the limit may have been another, and clocks are set back

local over = level + want * interval - capacity
local allowed = over <= 0
if allowed and take > 0 then
  level = level + take * interval
  local empty = string.format('%d', now + math.floor(level / units))
  if level % units > 0 then
    empty = empty .. string.format('+%d', level % units)
  end
  redis.call('SET', KEYS[1], empty, 'PX', math.ceil(level / units / 1000) + 1)
end
return {
  allowed and 1 or 0,
  math.floor((capacity - level) / interval),
  allowed and 0 or math.ceil(over / units),
  math.ceil(level / units),
  now,
}

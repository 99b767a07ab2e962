-- Takes a lock if nobody holds it. A holder that asks again still has it: the client library sends the script a second
-- time when the connection breaks before the reply, and a bare SET NX would then refuse the lock to its own holder.
--
-- The fencing token follows Redis' clock and never falls below the last one, so it grows even where the key of the
-- last one, or the clock, was set back (but not both).
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the last fencing token, a string, kept for 7 days: later tokens are greater by the clock alone
-- KEYS[3]  the mark of an attempt that was withdrawn before it arrived, a string
-- ARGV[1]  the holder
-- ARGV[2]  TTL in milliseconds
-- Reply    {fencing token, 0}, or {0, milliseconds until the lock ends, negative if it never does}
if redis.call('EXISTS', KEYS[3]) == 1 then
  return {0, 0}
end
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  if last > 0 then
    return {last, 0}
  end
elseif not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {0, ends_in(KEYS[1], holder)}
end
local token = math.max(last + 1, now_us())
redis.call('SET', KEYS[2], string.format('%.0f', token), 'EX', 604800)
return {token, 0}

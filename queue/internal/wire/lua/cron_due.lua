-- Returns the cron entries of a queue that are due, the longest due first, of 256 KiB at the most. A time that has no
-- entry goes: somebody has deleted the entry by hand.
--
-- KEYS[1]  cron
-- KEYS[2]  cron:next
-- KEYS[3]  cron:state
-- KEYS[4]  counts of all time
-- ARGV[1]  the caller's clock, see queue_ms
-- ARGV[2]  how many at the most
-- Reply    {the queue's time in ms, ms until the next entry is due or -1 if there is none, then of each that is due:
--          its name, its state or '', the entry}
local now = queue_ms(KEYS[4], ARGV[1])
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[2])
if #names == 0 then return {now, ms_until(KEYS[2], now)} end
local found, room = {now, 0}, 262144
local entries, states = redis.call('HMGET', KEYS[1], unpack(names)), redis.call('HMGET', KEYS[3], unpack(names))
for n, name in ipairs(names) do
  if not entries[n] then
    redis.call('ZREM', KEYS[2], name)
  elseif room > 0 then
    room = room - #entries[n]
    found[#found + 1] = name
    found[#found + 1] = states[n] or ''
    found[#found + 1] = entries[n]
  end
end
return found

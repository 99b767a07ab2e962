-- Decides for jobs that expire, before their handlers begin, whether they start: those that have not started before and
-- are too late do not. A start is noted with the entry, so that a crash after it does not make it undone. Repeating a
-- call has no second effect.
--
-- KEYS[1]  started
-- KEYS[2]  worker
-- KEYS[3]  counts of all time
-- ARGV[1]  the caller's clock, see queue_ms
-- ARGV[2]  how long a start is noted, in s
-- ARGV[3…] of each: the entry, and when it expires, in ms
-- Reply    of each: 1 it starts, 2 it has expired; -1 the worker lost its lease
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
allow_when_full('HDEL', KEYS[1])
local entries, verdicts, starts = {}, {}, {}
for i = 3, #ARGV, 2 do entries[#entries + 1] = ARGV[i] end
local noted, now = redis.call('HMGET', KEYS[1], unpack(entries)), queue_ms(KEYS[3], ARGV[1])
for n, entry in ipairs(entries) do
  verdicts[n] = not noted[n] and now >= tonumber(ARGV[2 * n + 2]) and 2 or 1
  if verdicts[n] == 1 then
    starts[#starts + 1] = entry
    starts[#starts + 1] = '1'
  end
end
if #starts > 0 then
  redis.call('HSET', KEYS[1], unpack(starts))
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return verdicts

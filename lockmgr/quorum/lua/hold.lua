-- Takes, renews or confirms one server's part of a lock that most of several must have. It is taken if nobody has it,
-- also by a renewal: a server that came back empty is then part of it again.
--
-- A lock that ends later than its holder's TTL from now, which the holder's name ends with, was taken before the
-- server's clock was set back: it ends after that TTL.
--
-- Each server proposes a token, and the greatest one of a majority is sent to all as the floor: a later majority has a
-- server in common with this one, and so proposes a greater one.
--
-- KEYS[1]  the lock, a string
-- KEYS[2]  the last fencing token, a string, kept for 7 days: later tokens are greater by the clock alone
-- KEYS[3]  the mark of an attempt that was withdrawn before it arrived, a string
-- ARGV[1]  the holder
-- ARGV[2]  TTL in milliseconds
-- ARGV[3]  the lock's token, or 0 to be proposed one
-- Reply    a fencing token, or 0 if another has the lock
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local random, ttl = string.match(holder or '', '^(%x+):(%d+)$')
  if random and #random == 32 and redis.call('PTTL', KEYS[1]) > tonumber(ttl) then
    redis.call('PEXPIRE', KEYS[1], ttl)
  end
  return 0
end
local token, floor = tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(ARGV[3])
if floor > 0 then
  token = math.max(token, floor)
else
  token = math.max(token + 1, now_us())
end
redis.call('SET', KEYS[2], string.format('%.0f', token), 'EX', 604800)
return token

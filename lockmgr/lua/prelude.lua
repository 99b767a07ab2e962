-- The functions that the scripts of locks share. The loader puts before a script those that it calls.

-- Returns the TTL, in ms, that a holder's name ends with; nil for the names of other programs, and of versions before,
-- which have none.
local function ttl_of(holder)
  local random, ttl = string.match(holder or '', '^!?(%x+):(%d+)$')
  return random and #random == 32 and tonumber(ttl) or nil
end

-- Returns in how many ms the lock of a holder ends; negative if it never does. A lock cannot end later than the TTL of
-- its holder from now: if it does, Redis' clock was set back since, and it ends after that TTL. A holder that lives
-- extends it before.
local function ends_in(lock, holder)
  local left, ttl = redis.call('PTTL', lock), ttl_of(holder)
  if not ttl or left <= ttl then
    return left
  end
  redis.call('PEXPIRE', lock, ttl)
  return ttl
end

-- Shortens the leases of holders that end further ahead than they can, as ends_in does. It looks only at those that end
-- after the caller's own would, and at 100 of them.
local function shorten_leases(holders, ms, own)
  local late = redis.call('ZRANGEBYSCORE', holders, '(' .. ms + own, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
  for i = 1, #late, 2 do
    local ttl = ttl_of(late[i])
    if ttl and tonumber(late[i + 1]) > ms + ttl then
      redis.call('ZADD', holders, ms + ttl, late[i])
    end
  end
end

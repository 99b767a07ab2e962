-- Begins the work under an idempotency key, takes it over from a holder whose lease ended, or replies with its state. A
-- holder that asks again still has it: the client library may send the script twice.
--
-- KEYS[1]  the key, a hash: state (running, done, failed), fingerprint, owner, token, lease, result, failure
-- KEYS[2]  the mark of an attempt that was withdrawn before it arrived, a string; may be missing
-- ARGV[1]  the holder
-- ARGV[2]  lease in milliseconds
-- ARGV[3]  the fingerprint of the work
-- ARGV[4]  how long the key is remembered after its lease ended, in milliseconds
-- Reply    {run, token}, {running, ms until the lease ends, ms since it began}, {done, result}, {failed, result,
--          failure}, or {reused}
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1 then
  return {'running', '0'}
end
local us = now_us()
local ms = math.floor(us / 1000)
local record = redis.call('HMGET', KEYS[1], 'state', 'fingerprint', 'owner', 'token', 'lease')
local state, token, lease = record[1], tonumber(record[4] or 0), tonumber(record[5] or 0)
local ttl = ttl_of(record[3])
if state == 'running' and ttl and lease > ms + ttl then -- Redis' clock was set back since
  lease = ms + ttl
  redis.call('HSET', KEYS[1], 'lease', string.format('%.0f', lease))
end
if state and record[2] ~= ARGV[3] then
  return {'reused'}
end
if state == 'running' and record[3] == ARGV[1] then
  return {'run', string.format('%.0f', token)}
elseif state == 'running' and lease > ms then
  local began = math.floor(token / 1000) -- a token is the time, unless the clock was set back
  return {'running', string.format('%.0f', lease - ms), string.format('%.0f', math.max(0, ms - began))}
elseif state == 'done' or state == 'failed' then
  local ended = redis.call('HMGET', KEYS[1], 'result', 'failure')
  return {state, ended[1] or '', ended[2] or ''}
end
token = string.format('%.0f', math.max(token + 1, us))
redis.call('HSET', KEYS[1], 'state', 'running', 'fingerprint', ARGV[3], 'owner', ARGV[1], 'token', token,
  'lease', string.format('%.0f', ms + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[4])
return {'run', token}

-- Moves an order from one state to the next, if it is in that state, for that amount, and no higher fencing token has
-- moved it.
--
-- KEYS[1]  the order, a hash
-- ARGV[1]  the state it must be in
-- ARGV[2]  its amount in cents
-- ARGV[3]  the fencing token, below 2^53
-- ARGV[4…] for each field to set: its name and its value
-- Reply    {1 if it was moved, else 0, and the order as it is now: state, cents, token, charge, refund, failure, reason,
--          updated_at (nil where it has none)}
local function order()
  return redis.call('HMGET', KEYS[1], 'state', 'cents', 'token', 'charge', 'refund', 'failure', 'reason', 'updated_at')
end
local now = order()
local last = tonumber(now[3] or 0)
if now[1] ~= ARGV[1] or now[2] ~= ARGV[2] or not last or last > tonumber(ARGV[3]) then
  return {0, now}
end
redis.call('HSET', KEYS[1], 'token', ARGV[3], unpack(ARGV, 4))
return {1, order()}

-- Moves an order from one state to the next, if it is in that state, for that amount, its refunded parts are those that
-- are known, and no higher fencing token has moved it.
--
-- KEYS[1]  the order, a hash
-- ARGV[1]  the state it must be in
-- ARGV[2]  its amount in cents
-- ARGV[3]  the fencing token, below 2^53
-- ARGV[4]  its refunded parts, '' for none
-- ARGV[5]  what they become: '' for as they are, {} for none
-- ARGV[6]  how many fields to reply with, which follow; then, for each field to set, its name and its value
-- Reply    {1 if it was moved, else 0, and the order as it is now: the values of those fields (nil where it has none)}
local last_field = 6 + ARGV[6]
local function order()
  return redis.call('HMGET', KEYS[1], unpack(ARGV, 7, last_field))
end
local now = redis.call('HMGET', KEYS[1], 'state', 'cents', 'token', 'refund_parts')
local last = tonumber(now[3] or 0)
if now[1] ~= ARGV[1] or now[2] ~= ARGV[2] or not last or last > tonumber(ARGV[3]) or (now[4] or '') ~= ARGV[4] then
  return {0, order()}
end
redis.call('HSET', KEYS[1], 'token', ARGV[3], unpack(ARGV, last_field + 1))
if ARGV[5] == '{}' then
  redis.call('HDEL', KEYS[1], 'refund_parts')
elseif ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'refund_parts', ARGV[5])
end
return {1, order()}

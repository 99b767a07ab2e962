-- Moves an order from one state to the next, if it is in that state and for that amount. An order that is not there is
-- pending, for any amount.
--
-- KEYS[1]  the order, a hash
-- ARGV[1]  the state it must be in
-- ARGV[2]  the state it goes to
-- ARGV[3]  its amount in cents
-- ARGV[4]  the time, for updated_at
-- ARGV[5]… further fields to set: name, value, name, value, …
-- Reply    the order as it is now: state, cents, charge, failure ('' where it has none)
local order = redis.call('HMGET', KEYS[1], 'state', 'cents')
local state, cents = order[1] or 'pending', order[2] or ARGV[3]
if state == ARGV[1] and cents == ARGV[3] then
  redis.call('HSET', KEYS[1], 'state', ARGV[2], 'cents', ARGV[3], 'updated_at', ARGV[4], unpack(ARGV, 5))
  state = ARGV[2]
end
local proof = redis.call('HMGET', KEYS[1], 'charge', 'failure')
return {state, cents, proof[1] or '', proof[2] or ''}

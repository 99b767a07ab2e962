-- Makes an order pending unless it has a state. An application may have written fields of its own, or the whole order.
--
-- KEYS[1]  the order, a hash
-- ARGV[1]  its amount in cents
-- ARGV[2]  the time, for updated_at
-- Reply    the order as it is now: state, cents, token, charge, refund, failure, reason, updated_at (nil where it has
--          none)
if redis.call('HSETNX', KEYS[1], 'state', 'pending') == 1 then
  redis.call('HSET', KEYS[1], 'updated_at', ARGV[2])
end
if redis.call('HGET', KEYS[1], 'state') == 'pending' then
  redis.call('HSETNX', KEYS[1], 'cents', ARGV[1])
end
return redis.call('HMGET', KEYS[1], 'state', 'cents', 'token', 'charge', 'refund', 'failure', 'reason', 'updated_at')

-- Makes an order pending unless it has a state. An application may have written fields of its own, or the whole order.
--
-- KEYS[1]  the order, a hash
-- ARGV[1]  its amount in cents
-- ARGV[2]  the time, for updated_at
-- ARGV[3…] the fields to reply with
-- Reply    the order as it is now: the values of those fields (nil where it has none)
if redis.call('HSETNX', KEYS[1], 'state', 'pending') == 1 then
  redis.call('HSET', KEYS[1], 'updated_at', ARGV[2])
end
if redis.call('HGET', KEYS[1], 'state') == 'pending' then
  redis.call('HSETNX', KEYS[1], 'cents', ARGV[1])
end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 3))

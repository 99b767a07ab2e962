-- Writes while Redis is out of memory.
--
-- KEYS[1]  a hash
-- ARGV[1]  a value
-- Reply    how many fields were added
allow_when_full('HDEL', KEYS[1])
  -- another comment
return redis.call('HSET', KEYS[1], 'field', ARGV[1]) -- stays

-- Writes if there is memory.
--
-- KEYS[1]  a hash
-- ARGV[1]  a value
-- Reply    how many fields were added
return redis.call('HSET', KEYS[1], 'field', ARGV[1])

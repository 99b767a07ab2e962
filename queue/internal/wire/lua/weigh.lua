-- Measures an entry that is pending for a worker, without its crossing the connection.
--
-- KEYS[1]  stream
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- Reply    how many bytes its fields and values have; -1 it is not the worker's, or was deleted
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2]) then return -1 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
return entry[1] and bytes_of(entry[1][2]) or -1

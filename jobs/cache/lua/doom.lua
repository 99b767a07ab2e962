-- Sets the index of a tag aside, if nothing is aside yet, and lists the first keys of what is.
--
-- KEYS[1]  the index, a zset
-- KEYS[2]  the index set aside, a zset
-- ARGV[1]  1 if it may be set aside, 0 to list only
-- ARGV[2]  how many keys
-- Reply    {1 set aside now or 0, {key, ...}}
local took = 0
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RENAME', KEYS[1], KEYS[2])
  took = 1
end
return {took, redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1)}

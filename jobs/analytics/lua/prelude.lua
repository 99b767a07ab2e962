-- The functions that the scripts of this package share.

-- Adds to the count of a name, or of the name for others if there are as many names as there may be.
local function count_name(key, name, by, most, other)
  if redis.call('HEXISTS', key, name) == 0 and
    redis.call('HLEN', key) - redis.call('HEXISTS', key, other) >= tonumber(most) then
    name = other
  end
  redis.call('HINCRBY', key, name, by)
end

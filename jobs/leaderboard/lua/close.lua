-- Ends a season: takes everything off the board, in one step, and puts it aside to be archived.
--
-- KEYS[1]  the board, a zset; see apply.lua
-- KEYS[2]  the order, a zset
-- KEYS[3]  the numbers, a hash
-- KEYS[4]  the board put aside, a zset
-- KEYS[5]  its order, a zset
-- KEYS[6]  the last season that ended, a string
-- ARGV[1]  the season that ends
-- Reply    1 it ended, 0 it had ended before, -1 a later one has ended
local last, season = tonumber(redis.call('GET', KEYS[6])) or 0, tonumber(ARGV[1])
if season == last then
  return 0
elseif season < last then
  return -1
end
redis.call('SET', KEYS[6], ARGV[1])
for i = 1, 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('RENAME', KEYS[i], KEYS[i + 3])
  end
end
redis.call('DEL', KEYS[3])
return 1

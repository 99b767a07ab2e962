-- Returns where a member stands. Writes nothing.
--
-- KEYS[1]  the board, a zset; see apply.lua
-- KEYS[2]  the order, a zset
-- KEYS[3]  the numbers, a hash
-- ARGV[1]  the member
-- ARGV[2]  1 where the earlier wins
-- Reply    its score, how many are below it in the board's order, and above; how many have higher scores, how many the
--          same (it included), and how many there are; nil if it is not on the board
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then
  return false
end
local higher = redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
local same = redis.call('ZCOUNT', KEYS[1], score, score)
local total = redis.call('ZCARD', KEYS[1])
local above
if ARGV[2] == '1' then
  local number = redis.call('HGET', KEYS[3], ARGV[1])
  above = number and redis.call('ZREVRANK', KEYS[2], number .. ':' .. ARGV[1])
  above = above or higher + same - 1 -- not adopted yet: it comes last among its equals
else
  above = redis.call('ZREVRANK', KEYS[1], ARGV[1])
end
return {score, total - 1 - above, above, higher, same, total}

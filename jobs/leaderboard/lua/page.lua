-- Reads a page of a board from the top, or the neighbours of a member. Writes nothing.
--
-- KEYS[1]  the board, a zset; see apply.lua
-- KEYS[2]  the order, a zset
-- KEYS[3]  the numbers, a hash
-- ARGV[1]  the member whose neighbours are wanted; '' for a page
-- ARGV[2]  how many neighbours on each side; or how many members to pass over
-- ARGV[3]  how many members there are on a page
-- ARGV[4]  1 where the earlier wins
-- Reply    how many members were passed over, how many of them have a higher score than the first of the page, and for
--          each member its name and its score; nil if the member is not on the board
local earlier = ARGV[4] == '1'
local key = earlier and KEYS[2] or KEYS[1]
local first, last = tonumber(ARGV[2]), ARGV[2] + ARGV[3] - 1
if ARGV[1] ~= '' then
  local member = ARGV[1]
  if earlier then
    member = (redis.call('HGET', KEYS[3], member) or '') .. ':' .. member
  end
  local rank = redis.call('ZREVRANK', key, member)
  if not rank then
    return false
  end
  first, last = math.max(0, rank - ARGV[2]), rank + ARGV[2]
end

local page = redis.call('ZREVRANGE', key, first, last, 'WITHSCORES')
local higher = 0
if first > 0 and page[2] then
  higher = redis.call('ZCOUNT', key, '(' .. page[2], '+inf')
end
if earlier then
  for i = 1, #page, 2 do
    page[i] = string.sub(page[i], 18) -- after 16 digits and a colon
  end
end
table.insert(page, 1, first)
table.insert(page, 2, higher)
return page

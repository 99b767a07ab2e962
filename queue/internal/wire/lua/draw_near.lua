-- Makes the jobs of a page that are due further ahead than they can be due after their wait, counted from now: Redis'
-- clock was set back since they were put off.
--
-- KEYS[1]  delayed or retrying
-- KEYS[2]  counts of all time
-- ARGV[1]  the caller's clock, see queue_ms
-- ARGV[2]  where the page begins, as ZSCAN counts: '0' at first
-- ARGV[3]  how many the page has, about
-- Reply    where the next page begins, '0' if there is none
local now = queue_ms(KEYS[2], ARGV[1])
local page = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
allow_when_full('ZREM', KEYS[1])
for i = 1, #page[2], 2 do
  local nearer = nearer_due(tonumber(page[2][i + 1]), now)
  if nearer then redis.call('ZADD', KEYS[1], 'XX', nearer, page[2][i]) end
end
return page[1]

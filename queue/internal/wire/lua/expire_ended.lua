-- Deletes the oldest dead, cancelled or expired jobs that have been so for long enough, or are too many. What is read
-- is bounded in bytes, too.
--
-- KEYS[1]  dead, cancelled:jobs or expired:jobs
-- KEYS[2]  dead:ids, cancelled:ids or expired:ids
-- KEYS[3]  totals
-- KEYS[4]  ids
-- KEYS[5]  ids:ends
-- ARGV[1]  'dead', 'cancelled' or 'expired'
-- ARGV[2]  how long they are kept, in ms; 0 for ever
-- ARGV[3]  how many are kept; 0 all
-- ARGV[4]  how many to delete at the most
-- ARGV[5]  how many bytes to read, about
-- Reply    {how many were kept for long enough, how many were too many, 1 if there are more, else 0}
local keep, cap, left = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local old, too_many, read = 0, 0, 0
local excess = cap > 0 and redis.call('XLEN', KEYS[1]) - cap or 0
local before = keep > 0 and now_ms() - keep or -1
while true do
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if not first then break end
  local is_old = tonumber(string.match(first[1], '^%d+')) <= before
  if not is_old and excess <= 0 then break end
  if left == 0 or read > tonumber(ARGV[5]) then return {old, too_many, 1} end
  local id = ''
  for k = 1, #first[2], 2 do
    if first[2][k] == 'id' then id = first[2][k + 1] end
    read = read + #first[2][k + 1]
  end
  remove_ended(KEYS[1], KEYS[2], id, first[1])
  count(nil, KEYS[3], 'expired_' .. ARGV[1], 1)
  end_guard(KEYS[4], KEYS[5], id, ARGV[1] .. ':' .. first[1], ARGV[1])
  left, excess = left - 1, excess - 1
  if is_old then old = old + 1 else too_many = too_many + 1 end
end
return {old, too_many, 0}

-- Deletes guards of chosen IDs: of jobs that have ended, when their windows are over; and of jobs that are nowhere,
-- since a worker of an earlier version ended them: a few at random, again and again.
--
-- KEYS[1]  ids
-- KEYS[2]  ids:ends
-- KEYS[3]  stream
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- KEYS[6]  bodies
-- KEYS[7]  dead
-- KEYS[8]  cancelled:jobs
-- KEYS[9]  stream of the lane high
-- KEYS[10] stream of the lane low
-- ARGV[1]  group
-- ARGV[2]  how many ended ones at the most
-- ARGV[3]  how many to look at
-- Reply    how many windows were over
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms(), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(over) do
  if not free_guard(KEYS[1], KEYS[2], id, 'ended') then call_if_there('ZREM', KEYS[2], id) end
end
for _, id in ipairs(call_if_there('HRANDFIELD', KEYS[1], ARGV[3]) or {}) do
  local _, place = read_guard(KEYS[1], id)
  local is_ended = place and string.sub(place, 1, 6) == 'ended:' and call_if_there('ZSCORE', KEYS[2], id)
  local stream = place and (string.find(place, '^high:') and KEYS[9] or string.find(place, '^low:') and KEYS[10])
  if stream == KEYS[1] then stream = nil end -- without the right to it: such a guard stays
  local is_there = place and not is_ended and
    state_at(stream or KEYS[3], ARGV[1], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], id, place)
  if not is_ended and not is_there then
    redis.call('HDEL', KEYS[1], id)
  end
end
return #over

-- Deletes guards of IDs: of jobs that have ended, when their windows are over; and of jobs that are nowhere, since a
-- worker of an earlier version or another program ended them: a few at random, again and again. What such a job held
-- until its end, a unique key that its guard names, goes with it: which that is, is known only here, so it is not
-- declared; it has the queue's hash tag as all others.
--
-- KEYS[1]  ids
-- KEYS[2]  ids:ends
-- KEYS[3]  stream
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- KEYS[6]  bodies
-- KEYS[7]  dead
-- KEYS[8]  cancelled:jobs
-- ARGV[1]  group
-- ARGV[2]  how many ended ones at the most
-- ARGV[3]  how many to look at
-- ARGV[4]  what unique keys of the queue begin with
-- Reply    how many windows were over
local function release(id)
  local key = string.match(read_guard(KEYS[1], id) or '', '=(%S+) %d+$')
  if key then release_unique(ARGV[4] .. key, id) end
end

local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms(), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(over) do
  release(id)
  if not free_guard(KEYS[1], KEYS[2], id, 'ended') then call_if_there('ZREM', KEYS[2], id) end
end
for _, id in ipairs(call_if_there('HRANDFIELD', KEYS[1], ARGV[3]) or {}) do
  local _, place = read_guard(KEYS[1], id)
  local is_ended = place and string.sub(place, 1, 6) == 'ended:' and call_if_there('ZSCORE', KEYS[2], id)
  local is_there = place and not is_ended and
    state_at(KEYS[3], ARGV[1], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], id, place)
  if not is_ended and not is_there then
    release(id)
    redis.call('HDEL', KEYS[1], id)
  end
end
return #over

-- Puts due jobs into the streams of their lanes. The move adds no more than it takes away, so a full Redis does not
-- stop it.
--
-- KEYS[1]  stream
-- KEYS[2]  bodies
-- KEYS[3]  totals
-- KEYS[4]  delayed
-- KEYS[5]  retrying
-- KEYS[6]  ids
-- KEYS[7]  counts of all time
-- KEYS[8]  stream of the lane high (only for jobs of the lanes)
-- KEYS[9]  stream of the lane low (likewise)
-- ARGV[1]  the caller's clock, see queue_ms
-- ARGV[2]  how many of each at the most; fewer if they are large
-- Reply    {how many were promoted, ms until the next is due or -1, how many stayed that are due and of the lanes}
local now, promoted, next_due, stayed = queue_ms(KEYS[7], ARGV[1]), 0, -1, 0
local others = {high = KEYS[8], low = KEYS[9]}
allow_when_full('ZREM', KEYS[4])
for k = 4, 5 do
  local members = redis.call('ZRANGEBYSCORE', KEYS[k], '-inf', now, 'LIMIT', 0, ARGV[2])
  local from, room = 1, 262144
  while from <= #members and room > 0 do -- a few at a time: nothing but their bodies says how large they are
    local lot = {unpack(members, from, math.min(from + 19, #members))}
    local moved, bytes, left = promote_jobs(KEYS[1], others, KEYS[2], KEYS[k], KEYS[6], lot)
    promoted, from, room, stayed = promoted + moved, from + #lot, room - bytes, stayed + left
  end
  local first = call_if_there('ZRANGE', KEYS[k], 0, 0, 'WITHSCORES') or {}
  if first[2] then
    local wait = math.max(0, tonumber(first[2]) - now)
    if next_due < 0 or wait < next_due then next_due = wait end
  end
end
if promoted > 0 then count(nil, KEYS[3], 'promoted', promoted) end
return {promoted, next_due, stayed}

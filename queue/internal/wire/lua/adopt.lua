-- Returns entries that are pending for a worker and were delivered in a reply that was lost: so many of those that it
-- lists as have so many bytes, the first in any case. An entry that was deleted while it was pending is acknowledged
-- away.
--
-- KEYS[1]  stream
-- KEYS[2]  crashed
-- KEYS[3]  cancelled
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many bytes they may have; the first may have more
-- ARGV[4…] entries
-- Reply    {how many of them were looked at, {{entry, deliveries, {field, value, ...}, how many workers died with it, its
--          cancellation or ''}, ...}}
local found, room = {}, tonumber(ARGV[3])
for i = 4, #ARGV do
  local id = ARGV[i]
  local row = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1]
  local entry = row and redis.call('XRANGE', KEYS[1], id, id)
  if entry and #entry == 0 then
    redis.call('XACK', KEYS[1], ARGV[1], id)
  elseif entry then
    room = room - bytes_of(entry[1][2])
    if room < 0 and #found > 0 then return {i - 4, found} end
    local crashes = count_crashes(KEYS[2], id)
    found[#found + 1] = {id, row[4], entry[1][2], crashes, try(nil, 'HGET', KEYS[3], id) or ''}
  end
end
return {#ARGV - 3, found}

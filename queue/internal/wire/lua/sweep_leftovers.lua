-- Deletes those of some entries that the group was given and that are not pending: a consumer of another program has
-- acknowledged them and left them. Nothing, if the stream has another group.
--
-- KEYS[1]  stream
-- KEYS[2]  totals
-- ARGV[1]  group
-- ARGV[2…] entries
-- Reply    how many were deleted; -1 the stream has another group
local given
for _, about in ipairs(groups_of(KEYS[1])) do
  if about.name ~= ARGV[1] then return -1 end
  given = about['last-delivered-id']
end
local deleted = 0
for k = 2, #ARGV do
  -- An entry behind the last that was given waits: such a range is empty.
  if given and not consumer_of(KEYS[1], ARGV[1], ARGV[k]) and
    #redis.call('XRANGE', KEYS[1], ARGV[k], given, 'COUNT', 1) == 1 then
    deleted = deleted + redis.call('XDEL', KEYS[1], ARGV[k])
  end
end
if deleted > 0 then count(nil, KEYS[2], 'deleted_stream', deleted) end
return deleted

-- Lists what is pending for a worker, so that it can adopt entries that were delivered in a reply that was lost. An
-- entry that was deleted while it was pending is acknowledged away.
--
-- KEYS[1]  stream
-- KEYS[2]  crashed
-- KEYS[3]  cancelled
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  first entry
-- ARGV[4]  how many at the most
-- ARGV[5]  how many crashes make a job dead
-- Reply    {last entry looked at or '', {{entry, deliveries, {field, value, ...}, how many crashes it is to blame for,
--          how suspect it is, its cancellation or ''}, ...}}
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4], ARGV[2])
local found, last = {}, ''
for _, row in ipairs(rows) do
  last = row[1]
  local entry = redis.call('XRANGE', KEYS[1], last, last)
  if #entry == 0 then
    redis.call('XACK', KEYS[1], ARGV[1], last)
  else
    local crashes, suspicion = read_blame(KEYS[2], last, ARGV[5])
    found[#found + 1] = {last, row[4], entry[1][2], crashes, suspicion, try(nil, 'HGET', KEYS[3], last) or ''}
  end
end
return {last, found}

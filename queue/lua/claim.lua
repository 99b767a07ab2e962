-- Takes parked entries: those that a worker handed back first, as they were; then those of dead workers, each counted
-- as one more delivery. An entry that was deleted while it was parked is acknowledged away.
-- KEYS  1 stream  2 worker
-- ARGV  1 group  2 consumer  3 how many at the most
-- REPLY {{entry, deliveries, {field, value, ...}}, ...}; -1 the worker lost its lease
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local taken, left = {}, tonumber(ARGV[3])
for more, parking in ipairs({'~released', '~orphans'}) do
  local rows = left > 0 and redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', left, parking) or {}
  for _, row in ipairs(rows) do
    local deliveries = row[4] + more - 1
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1], 'RETRYCOUNT', deliveries, 'JUSTID')
    local found = redis.call('XRANGE', KEYS[1], row[1], row[1])
    if #found == 0 then
      redis.call('XACK', KEYS[1], ARGV[1], row[1])
    else
      taken[#taken + 1] = {row[1], deliveries, found[1][2]}
      left = left - 1
    end
  end
end
return taken

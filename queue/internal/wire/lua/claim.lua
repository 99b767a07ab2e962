-- Takes parked entries: those that a worker handed back first, as they were; then those of dead workers, each counted
-- as one more delivery. An entry that was deleted while it was parked is acknowledged away.
-- A job that is dead after one more crash is taken one at a time, so that a job that was only held beside one that
-- crashes its worker does not crash with it again.
--
-- KEYS[1]  stream
-- KEYS[2]  worker
-- KEYS[3]  crashed
-- KEYS[4]  cancelled
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many at the most
-- ARGV[4]  how many crashes make a job dead
-- ARGV[5]  how many may be taken that are one crash away from it
-- ARGV[6]  how many bytes they may have; the first may have more
-- Reply    {{entry, deliveries, {field, value, ...}, how many workers died with it, its cancellation or ''}, ...};
--          -1 the worker lost its lease
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local taken, left, last_chances, room = {}, tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
for counted, parking in ipairs({'~released', '~orphans'}) do
  local rows = left > 0 and redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', left + 10, parking) or {}
  for _, row in ipairs(rows) do
    local deliveries = row[4] + counted - 1
    local crashes = count_crashes(KEYS[3], row[1])
    local last_chance = crashes > 0 and crashes == tonumber(ARGV[4]) - 1
    if left > 0 and (not last_chance or last_chances > 0) then
      local found = redis.call('XRANGE', KEYS[1], row[1], row[1])
      if #found == 0 then
        redis.call('XACK', KEYS[1], ARGV[1], row[1])
      else
        room = room - bytes_of(found[1][2])
        if room < 0 and #taken > 0 then return taken end
        taken[#taken + 1] = {row[1], deliveries, found[1][2], crashes, try(nil, 'HGET', KEYS[4], row[1]) or ''}
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1], 'RETRYCOUNT', deliveries, 'JUSTID')
        left = left - 1
        if last_chance then last_chances = last_chances - 1 end
      end
    end
  end
end
return taken

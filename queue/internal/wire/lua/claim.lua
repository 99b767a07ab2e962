-- Takes parked entries: those that a worker handed back first, as they were; then those of dead workers, each counted
-- as one more delivery. An entry that was deleted while it was parked is acknowledged away.
-- Of jobs that ran in two workers which died a few are taken, and of those that ran in more, the prime suspects, one at
-- a time. One that is dead after one more crash is taken without others: its worker runs it alone.
-- One that has crashed enough workers is taken to be buried, when the last of them has had time to come back: a process
-- that was frozen looks dead, and takes itself out of the notes when it is not.
--
-- KEYS[1]  stream
-- KEYS[2]  worker
-- KEYS[3]  crashed
-- KEYS[4]  cancelled
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many at the most
-- ARGV[4]  how many crashes make a job dead
-- ARGV[5]  how many that ran in two workers which died
-- ARGV[6]  how many prime suspects, 0 or 1
-- ARGV[7]  how many that are dead after one more crash, 0 or 1
-- ARGV[8]  how many bytes they may have; the first may have more
-- ARGV[9]  how long, in ms, one that has crashed enough workers waits before it is taken
-- Reply    {{entry, deliveries, {field, value, ...}, how many crashes it is to blame for, how suspect it is, its
--          cancellation or ''}, ...}; -1 the worker lost its lease
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local taken, left, few, primes = {}, tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
local last, room = tonumber(ARGV[7]), tonumber(ARGV[8])
for counted, parking in ipairs({'~released', '~orphans'}) do
  local rows = left > 0 and redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', left + 50, parking) or {}
  for _, row in ipairs(rows) do
    local deliveries = row[4] + counted - 1
    local crashes, suspicion = read_blame(KEYS[3], row[1], ARGV[4])
    local doomed = crashes >= tonumber(ARGV[4])
    if doomed then suspicion = 1 end
    local waits = doomed and counted == 2 and row[3] < tonumber(ARGV[9])
    local free = suspicion < 2 or suspicion == 2 and few > 0 or suspicion == 3 and primes > 0 or
      suspicion == 4 and last > 0 and #taken == 0
    if left > 0 and free and not waits then
      local found = redis.call('XRANGE', KEYS[1], row[1], row[1])
      if #found == 0 then
        redis.call('XACK', KEYS[1], ARGV[1], row[1])
      else
        room = room - bytes_of(found[1][2])
        if room < 0 and #taken > 0 then return taken end
        local cancellation = try(nil, 'HGET', KEYS[4], row[1]) or ''
        taken[#taken + 1] = {row[1], deliveries, found[1][2], crashes, suspicion, cancellation}
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1], 'RETRYCOUNT', deliveries, 'JUSTID')
        left = left - 1
        if suspicion == 2 then few = few - 1 end
        if suspicion > 2 then primes = 0 end
        if suspicion == 4 then left = 0 end
      end
    end
  end
end
return taken

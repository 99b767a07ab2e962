-- Parks a page of the entries of a worker whose lease has ended under ~orphans, for workers with free slots to take,
-- and notes the crash for each. The worker's registration goes first, so that it cannot finish what is taken away; its
-- empty consumer goes last. Deleting the registration also lets the rest write while Redis is out of memory.
-- A worker that was stopping is gone by command: no job is to blame. If the worker ran prime suspects, they alone are.
-- One that renewed its lease a quarter of it after a job had begun lived with it for a while: where others die too,
-- that says less.
-- XPENDING's own IDLE would look at all entries of a consumer for those few that are idle: the page bounds what is
-- looked at.
--
-- KEYS[1]  stream
-- KEYS[2]  workers
-- KEYS[3]  worker
-- KEYS[4]  crashed
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  how many entries to look at
-- ARGV[4]  how long an entry must be idle, in ms, for a consumer that never had a lease; 0 for one that had
-- ARGV[5]  how long the crash is remembered, in s
-- ARGV[6]  where the page begins: -, or ( and the last entry of the page before
-- ARGV[7]  what the page before has found, '' for the first page
-- Reply    {how many were parked, the last entry of the page or '' behind the end, {which bookkeeping failed, and
--          why}, what began before, in ms, was late, or '-', and what is to blame: 'all', 'none', or entries};
--          -1 the worker has a lease after all
if has_lease(KEYS[2], ARGV[2]) then return -1 end
local failures, before, blame = {}, string.match(ARGV[7], '^(%S+) (.*)$')
if not blame then
  local ends, lease = redis.call('ZSCORE', KEYS[2], ARGV[2]), tonumber(try(failures, 'HGET', KEYS[3], 'lease_ms') or '')
  before = ends and lease and string.format('%.0f', ends - lease * 5 / 4) or '-'
  local primes = {}
  for entry in string.gmatch(try(failures, 'HGET', KEYS[3], 'suspect') or '', '%S+') do
    if owns(KEYS[1], ARGV[1], entry, ARGV[2]) then primes[#primes + 1] = entry end
  end
  blame = #primes > 0 and table.concat(primes, ' ') or 'all'
  if try(failures, 'HGET', KEYS[3], 'state') == 'stopping' then blame = 'none' end
end
redis.call('DEL', KEYS[3])
if before ~= '-' and ARGV[7] == '' and blame ~= 'none' then note_death(failures, KEYS[4], ARGV[2], ARGV[5]) end
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[6], '+', ARGV[3], ARGV[2])
local ids = {}
for _, row in ipairs(rows) do
  if row[3] >= tonumber(ARGV[4]) then ids[#ids + 1] = row[1] end
end
if #ids > 0 then
  if blame ~= 'none' then
    local primes = blame ~= 'all' and blame or ''
    note_crash(failures, KEYS[4], ARGV[2], before ~= '-' and before or '', primes, ids, ARGV[5])
  end
  ids[#ids + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], '~orphans', 0, unpack(ids))
end
local parked = math.max(#ids - 1, 0)
if #rows == tonumber(ARGV[3]) then return {parked, rows[#rows][1], failures, before .. ' ' .. blame} end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return {parked, '', failures, before .. ' ' .. blame}

-- Enqueues the jobs of cron entries that are due, and sets when each is due next: for an entry whose state is still
-- what the caller has read. So of many callers one enqueues the job of a tick, and a repeated call has no second
-- effect. A full Redis refuses all, and the ticks are late.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  dead
-- KEYS[6]  cancelled:jobs
-- KEYS[7]  ids
-- KEYS[8]  ids:ends
-- KEYS[9]  counts of all time
-- KEYS[10] cron:next
-- KEYS[11] cron:state
-- KEYS[12…] cron:history (of each entry)
-- ARGV[1]  group
-- ARGV[2]  the caller's clock, see queue_ms
-- ARGV[3]  the window of the jobs' IDs, in ms
-- ARGV[4]  how long a tick waits that is held back, until it is looked at again, in ms
-- ARGV[5…] of each entry: how many values follow for it; its name; its state as it was read; 'skip', 'queue' or '',
--          what becomes of a tick while a job of the entry has not ended; the next tick in ms, 0 for none; when that is
--          due in ms; kind, data and meta of the jobs; the first tick of those that were missed and are left out, or
--          ''; then the ticks to enqueue
-- Reply    {ms until the next entry is due or -1 if there is none, then of each entry how many jobs were enqueued, -1
--          if it has changed since or is not due}
local now, window = queue_ms(KEYS[9], ARGV[2]), ARGV[3]
redis.call('HLEN', KEYS[7]) -- a key of another type fails here, before anything is written
redis.call('ZCARD', KEYS[8])

local function exists(id)
  local state = guarded_state(KEYS[1], ARGV[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], id)
  return state, state == '' or state == 'waiting' or state == 'in_flight' or state == 'delayed' or state == 'retrying'
end

local function any_exists(ids)
  for id in string.gmatch(ids, '%S+') do
    local _, unfinished = exists(id)
    if unfinished then return true end
  end
  return false
end

local function tick(k, a, last)
  local name, known, overlap = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  local next_tick, next_look = ARGV[a + 4], ARGV[a + 5]
  local due = redis.call('ZSCORE', KEYS[10], name)
  if not due or tonumber(due) > now or (redis.call('HGET', KEYS[11], name) or '') ~= known then return -1 end
  local revision, jobs = string.match(known, '^(%d+) %d+ %S+ ?(.*)$')
  revision, jobs = revision or '0', jobs or ''
  local enqueued, held = 0, '-'
  if ARGV[a + 9] ~= '' then note_cron(KEYS[k], now, ARGV[a + 9], 'missed') end
  for i = a + 10, last do
    local at = ARGV[i]
    local id = 'cron:' .. name .. ':' .. at
    if overlap ~= '' and any_exists(jobs) then
      if overlap == 'queue' then
        next_tick, next_look, held = at, string.format('%.0f', now + ARGV[4]), 'held'
        break
      end
      note_cron(KEYS[k], now, at, 'skipped')
    elseif exists(id) then
      note_cron(KEYS[k], now, at, 'duplicate')
    else
      add_guarded(KEYS[1], KEYS[7], id, window, ARGV[a + 6], ARGV[a + 7], ARGV[a + 8])
      redis.call('ZREM', KEYS[8], id)
      note_cron(KEYS[k], now, at, 'enqueued')
      jobs, enqueued = last_words(jobs .. ' ' .. id, 10), enqueued + 1
    end
  end
  if next_tick == '0' then redis.call('ZREM', KEYS[10], name) else redis.call('ZADD', KEYS[10], next_look, name) end
  redis.call('HSET', KEYS[11], name, cron_state(revision, next_tick, held, jobs))
  return enqueued
end

local begins, left = {}, 0
for i = 5, #ARGV do
  if left > 0 then left = left - 1 else begins[#begins + 1], left = i, tonumber(ARGV[i]) end
end
local replies = {0}
for k = 12, #KEYS do
  local a = begins[#replies]
  replies[#replies + 1] = tick(k, a, a + ARGV[a])
end
replies[1] = ms_until(KEYS[10], now)
return replies

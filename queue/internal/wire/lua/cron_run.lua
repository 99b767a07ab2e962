-- Enqueues a job of a cron entry now, beside its ticks, since a person says so.
--
-- KEYS[1]  stream
-- KEYS[2]  ids
-- KEYS[3]  cron
-- KEYS[4]  cron:state
-- KEYS[5]  cron:history
-- ARGV[1]  the entry's name
-- ARGV[2]  the entry that was read
-- ARGV[3]  the job's ID
-- ARGV[4]  the ID's window in ms
-- ARGV[5]  kind
-- ARGV[6]  data
-- ARGV[7]  meta
-- Reply    1 it was enqueued, 0 there is another entry, 2 a job of that ID was enqueued before
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
local state = redis.call('HGET', KEYS[4], ARGV[1]) or ''
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 1 then return 2 end
add_guarded(KEYS[1], KEYS[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
local revision, tick, held, jobs = string.match(state, '^(%d+) (%d+) (%S+) ?(.*)$')
redis.call('HSET', KEYS[4], ARGV[1],
  cron_state(revision or '0', tick or '0', held or '-', last_words((jobs or '') .. ' ' .. ARGV[3], 10)))
local now = string.format('%.0f', now_ms())
note_cron(KEYS[5], now, now, 'run')
return 1

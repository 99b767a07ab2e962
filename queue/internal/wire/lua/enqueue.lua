-- Enqueues a job that is delayed, or guarded by a chosen ID or a unique key. While a job exists, another of its chosen
-- ID is a duplicate; and after its end, until its window is over. A guard whose job is nowhere is none: a worker of an
-- earlier version has ended the job.
-- Repeating a call has no second effect: a guard that holds this call's own value shows that it took effect before.
-- So the job is added before its guards are set: a guard without a job would make a repeated call a false success.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  totals
-- KEYS[6]  dead
-- KEYS[7]  dead:ids
-- KEYS[8]  cancelled:jobs
-- KEYS[9]  ids
-- KEYS[10] ids:ends
-- KEYS[11] job
-- KEYS[12] id marker
-- KEYS[13] unique key (only if the job has one)
-- ARGV[1]  job ID
-- ARGV[2]  kind
-- ARGV[3]  data
-- ARGV[4]  meta or ''
-- ARGV[5]  when it is due, in ms, or '' for now
-- ARGV[6]  body, if there is a due time
-- ARGV[7]  group
-- ARGV[8]  this call's mark and the ID's window in ms, separated by a space; '' if the ID was not chosen
-- ARGV[9]  lifetime of the unique key in ms
-- Reply    {1, job ID} enqueued; {0, ID, state or ''} a duplicate of that job, whose state is known or not
local function state_of(id)
  local call, place = read_guard(KEYS[9], id)
  if call then
    local how = string.match(place, '^ended:(%l*)$')
    local ends = how and redis.call('ZSCORE', KEYS[10], id)
    if ends and tonumber(ends) > now_ms() then return how, call end
    local state = state_at(KEYS[1], ARGV[7], KEYS[2], KEYS[3], KEYS[4], KEYS[6], KEYS[8], id, place)
    if state then return state, call end
  end
  local state = state_at(KEYS[1], ARGV[7], KEYS[2], KEYS[3], KEYS[4], KEYS[6], KEYS[8], id, 'bodies')
  if state then return state, call end
  local dead = redis.call('HGET', KEYS[7], id)
  if dead and has_entry(KEYS[6], dead) then return 'dead', call end
  return nil, call
end

if ARGV[8] ~= '' then
  redis.call('HLEN', KEYS[9]) -- a key of another type fails here, before anything is written
  redis.call('ZCARD', KEYS[10])
  local state, call = state_of(ARGV[1])
  if call == ARGV[8] then return {1, ARGV[1]} end
  if state then return {0, ARGV[1], state} end
  if redis.call('EXISTS', KEYS[12]) == 1 then return {0, ARGV[1], ''} end
end
if KEYS[13] then
  local holder = redis.call('GET', KEYS[13])
  if holder == ARGV[1] and ARGV[8] == '' then return {1, ARGV[1]} end
  if holder then return {0, holder, state_of(holder) or ''} end
end
local place = 'bodies'
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[6])
else
  place = 'stream:' .. add_job(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
end
if ARGV[8] ~= '' then
  redis.call('DEL', KEYS[11])
  redis.call('ZREM', KEYS[10], ARGV[1])
  redis.call('HSET', KEYS[9], ARGV[1], ARGV[8] .. ' ' .. place)
end
if KEYS[13] then redis.call('SET', KEYS[13], ARGV[1], 'PX', ARGV[9]) end
if ARGV[5] ~= '' then
  count(nil, KEYS[5], 'scheduled', 1)
  ring(KEYS[2], ARGV[1], ARGV[5])
end
return {1, ARGV[1]}

-- Enqueues jobs that are guarded by chosen IDs or unique keys, many at a time; some of them may be delayed. While a job
-- exists, another of its chosen ID is a duplicate; and after its end, until its window is over. A guard whose job is
-- nowhere is none: a worker of an earlier version has ended the job.
-- Repeating a call has no second effect: a guard that holds this call's own value shows that it took effect before.
-- So jobs are added before their guards are set: a guard without a job would make a repeated call a false success.
-- Each job is looked at before the first write, and what is wrong with one is its own error. A full Redis refuses all.
--
-- KEYS[1]  stream, of the jobs' lane
-- KEYS[2]  delayed
-- KEYS[3]  retrying
-- KEYS[4]  bodies
-- KEYS[5]  totals
-- KEYS[6]  dead
-- KEYS[7]  dead:ids
-- KEYS[8]  cancelled:jobs
-- KEYS[9]  ids
-- KEYS[10] ids:ends
-- KEYS[11…] job, of each; and behind it for each, the stream in place of what does not apply:
-- KEYS[12…] result
-- KEYS[13…] id marker
-- KEYS[14…] unique key
-- ARGV[1]  group
-- ARGV[2…] of each: the job ID, the kind, data, meta or '', when it is due in ms or '' for now, the body if there is
--          a due time, this call's mark and the ID's window in ms with a space between or '' if the ID was not chosen,
--          and the lifetime of the unique key in ms or '' if it has none
-- Reply    of each: 1 enqueued; {0, ID, state or ''} a duplicate of that job, whose state is known or not; or an error
local jobs = (#ARGV - 1) / 8
local ids, markers, uniques, of_id, of_unique = {}, {}, {}, {}, {}
for n = 1, jobs do
  if ARGV[8 * n] ~= '' then
    ids[#ids + 1] = ARGV[8 * n - 6]
    markers[#markers + 1] = KEYS[4 * n + 9]
    of_id[n] = #ids
  end
  if ARGV[8 * n + 1] ~= '' then
    uniques[#uniques + 1] = KEYS[4 * n + 10]
    of_unique[n] = #uniques
  end
end

-- What most jobs do not have, asked for all at once: those that have it are looked at one by one.
local guards, holders, found, marked, held, delayed, retrying = {}, {}, {}, 0, 0, {}, {}
if #ids > 0 then
  guards = redis.call('HMGET', KEYS[9], unpack(ids)) -- a key of another type fails here, before anything is written
  found = redis.call('HMGET', KEYS[7], unpack(ids))
  delayed, retrying = redis.call('ZMSCORE', KEYS[2], unpack(ids)), redis.call('ZMSCORE', KEYS[3], unpack(ids))
  marked = redis.call('EXISTS', unpack(markers))
  redis.call('ZCARD', KEYS[10])
end
if #uniques > 0 then
  holders = redis.call('MGET', unpack(uniques))
  held = redis.call('EXISTS', unpack(uniques)) -- it counts keys of another type, too
  for i = 1, #uniques do if holders[i] then held = held - 1 end end
end

local function state_of(id)
  local call, place = read_guard(KEYS[9], id)
  if call then
    local how = string.match(place, '^ended:(%l*)$')
    local ends = how and redis.call('ZSCORE', KEYS[10], id)
    if ends and tonumber(ends) > now_ms() then return how, call end
    local state = state_at(KEYS[1], ARGV[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6], KEYS[8], id, place)
    if state then return state, call end
  end
  local state = state_at(KEYS[1], ARGV[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6], KEYS[8], id, 'bodies')
  if state then return state, call end
  local dead = redis.call('HGET', KEYS[7], id)
  if dead and has_entry(KEYS[6], dead) then return 'dead', call end
  return nil, call
end

-- Returns the reply for a job that is not to be added; nil if it is. taken has the states of those that are, by ID, and
-- the IDs that have the unique keys.
local taken = {ids = {}, uniques = {}}
local function refusal(n)
  local id, call = ARGV[8 * n - 6], ARGV[8 * n]
  local i, u = of_id[n], of_unique[n]
  if i then
    if taken.ids[id] then return {0, id, taken.ids[id]} end
    if guards[i] or found[i] or delayed[i] or retrying[i] or marked > 0 then
      local state, before = state_of(id)
      if before == call then return 1 end
      if state then return {0, id, state} end
      if redis.call('EXISTS', KEYS[4 * n + 9]) == 1 then return {0, id, ''} end
    end
  end
  if u then
    local key = KEYS[4 * n + 10]
    local holder = taken.uniques[key]
    if holder then return {0, holder, taken.ids[holder] or ''} end
    holder = (holders[u] or held > 0) and redis.call('GET', key)
    if holder == id and not i then return 1 end
    if holder then return {0, holder, state_of(holder) or ''} end
  end
  return nil
end

local replies, added = {}, {}
for n = 1, jobs do
  local fine, reply = pcall(refusal, n)
  replies[n] = reply or 1
  if not fine then
    replies[n] = redis.error_reply(error_text(reply))
  elseif not reply then
    added[#added + 1] = n
    local id, now = ARGV[8 * n - 6], ARGV[8 * n - 2] == ''
    if of_id[n] or not now then taken.ids[id] = now and 'waiting' or 'delayed' end
    if of_unique[n] then taken.uniques[KEYS[4 * n + 10]] = id end
  end
end
if #added == 0 then return replies end

local place, due, bodies = {}, {}, {}
for _, n in ipairs(added) do
  if ARGV[8 * n - 2] ~= '' then
    due[#due + 1] = ARGV[8 * n - 2]
    due[#due + 1] = ARGV[8 * n - 6]
    bodies[#bodies + 1] = ARGV[8 * n - 6]
    bodies[#bodies + 1] = ARGV[8 * n - 1]
    place[n] = 'bodies'
  end
end
if #due > 0 then
  redis.call('HLEN', KEYS[4]) -- of another type it fails here, before anything is written
  redis.call('ZADD', KEYS[2], unpack(due))
  redis.call('HSET', KEYS[4], unpack(bodies))
end
for _, n in ipairs(added) do
  if not place[n] then
    local entry = add_job(KEYS[1], ARGV[8 * n - 6], ARGV[8 * n - 5], ARGV[8 * n - 4], ARGV[8 * n - 3])
    place[n] = place_of(KEYS[1], entry)
  end
end
local marks, members, records = {}, {}, {}
for _, n in ipairs(added) do
  if of_id[n] then
    marks[#marks + 1] = ARGV[8 * n - 6]
    marks[#marks + 1] = ARGV[8 * n] .. ' ' .. place[n]
    members[#members + 1] = ARGV[8 * n - 6]
    records[#records + 1] = KEYS[4 * n + 7]
    records[#records + 1] = KEYS[4 * n + 8]
  end
end
if #marks > 0 then
  redis.call('DEL', unpack(records))
  redis.call('ZREM', KEYS[10], unpack(members))
  redis.call('HSET', KEYS[9], unpack(marks))
end
for _, n in ipairs(added) do
  if of_unique[n] then redis.call('SET', KEYS[4 * n + 10], ARGV[8 * n - 6], 'PX', ARGV[8 * n + 1]) end
end
if #due > 0 then
  count(nil, KEYS[5], 'scheduled', #due / 2)
  ring(KEYS[2], KEYS[2], due)
end
return replies

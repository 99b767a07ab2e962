-- Enqueues jobs that are guarded by chosen IDs or unique keys, many at a time; some of them may be delayed. While a job
-- exists, another of its chosen ID is a duplicate; and after its end, until its window is over. A guard whose job is
-- nowhere is none: a worker of an earlier version has ended the job.
-- Repeating a call has no second effect: a guard that holds this call's own value shows that it took effect before.
-- So jobs are added before their guards are set: a guard without a job would make a repeated call a false success.
-- Each job is looked at before the first write, and what is wrong with one is its own error. A full Redis refuses all.
-- A unique key without a lifetime is held until its job ends, and as long as the job is where its guard says: one that
-- ended where no script of ours saw it holds nothing. A call that finds its key held may change the job that holds it.
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
-- KEYS[11…] job, of each; and behind it for each, the stream in place of what does not apply:
-- KEYS[12…] result
-- KEYS[13…] id marker
-- KEYS[14…] unique key
-- ARGV[1]  group
-- ARGV[2…] of each: the job ID, the kind, data, meta or '', when it is due in ms or '' for now, the body if there is
--          a due time, this call's mark and the ID's window in ms with a space between or '' if the ID was not chosen,
--          and '' if it has no unique key, or the lifetime of that in ms, 0 until the job ends, and what to do with the
--          job that holds it, with a space before each: replace (its data), debounce (its due time)
-- Reply    of each: 1 enqueued; {0, ID, state or ''} a duplicate of that job, whose state is known or not; {0, ID,
--          state, when it is due in ms or ''} likewise, and that job was changed; or an error
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

-- Reports whether the job that a unique key names holds it, and returns the job's state.
local alive = {waiting = true, in_flight = true, delayed = true, retrying = true}
local function holds(key, id)
  local state = state_of(id)
  return alive[state] or redis.call('PTTL', key) >= 0, state or ''
end

-- Returns the reply for a job that is not to be added; nil if it is. taken has the states of those that are, by ID, and
-- the IDs that have the unique keys. changes has the jobs that hold the keys of later ones.
local taken, changes = {ids = {}, uniques = {}}, {}
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
    if holder then
      changes[n] = holder
      return {0, holder, taken.ids[holder] or ''}
    end
    holder = (holders[u] or held > 0) and redis.call('GET', key)
    if holder == id and not i then return 1 end
    local is_held, state = false, nil
    if holder then is_held, state = holds(key, holder) end
    if is_held then
      changes[n] = holder
      return {0, holder, state}
    end
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

-- What a job is to replace: its kind and data.
local function asked_of(n)
  if ARGV[8 * n - 2] == '' then return ARGV[8 * n - 5], ARGV[8 * n - 4] end
  local kind, _, data = read_body(ARGV[8 * n - 1])
  return kind, data
end

-- Returns until when the job of that meta lets itself be put off, in ms; nil if it does not.
local function latest_of(meta)
  local fine, said = pcall(cjson.decode, meta)
  return fine and type(said) == 'table' and tonumber(said.debounce_until_ms) or nil
end

-- Changes a delayed job: its data, and its due time, which only ever goes back. Returns when it is due if it was
-- changed.
local function change_delayed(n, member, replaces, debounces)
  local due, body = redis.call('ZSCORE', KEYS[2], member), redis.call('HGET', KEYS[4], member)
  if not due or not body then return nil end
  local kind, meta, _, is_twin = read_body(body)
  local asked_kind, data = asked_of(n)
  local asked, latest = tonumber(ARGV[8 * n - 2]), latest_of(meta)
  local later = debounces and asked and latest and math.min(asked, latest)
  local is_later = later and later > tonumber(due)
  replaces = replaces and kind == asked_kind
  if not replaces and not is_later then return nil end
  if replaces then
    body = (is_twin and '0' or '') .. #kind .. ' ' .. #meta .. ' ' .. kind .. meta .. data
    redis.call('HSET', KEYS[4], member, body)
  end
  if not is_later then return string.format('%.0f', due) end
  redis.call('ZADD', KEYS[2], 'XX', string.format('%.0f', later), member)
  local key, lifetime = KEYS[4 * n + 10], tonumber(string.match(ARGV[8 * n + 1], '^%d+')) - (asked - later)
  local left = redis.call('PTTL', key)
  if left >= 0 and lifetime > left then redis.call('PEXPIRE', key, string.format('%.0f', lifetime)) end
  return string.format('%.0f', later)
end

-- Gives a job that waits other data: at the end of the stream, since an entry cannot be changed. Returns '' if it did.
local function change_waiting(n, id, call, entry)
  local found = redis.call('XRANGE', KEYS[1], entry, entry)[1]
  if not found or consumer_of(KEYS[1], ARGV[1], entry) then return nil end
  local job, kind, data = {kind = '', meta = ''}, asked_of(n)
  for k = 1, #found[2], 2 do job[found[2][k]] = found[2][k + 1] end
  if job.kind ~= kind then return nil end
  local added = add_job(KEYS[1], id, kind, data, job.meta)
  redis.call('HSET', KEYS[9], id, call .. ' stream:' .. added)
  redis.call('XDEL', KEYS[1], entry)
  count(nil, KEYS[5], 'replaced', 1)
  return ''
end

-- Does with the job that holds a unique key what a later one asks for. Returns nil if it was left as it is.
local function change(n, id)
  local replaces = string.find(ARGV[8 * n + 1], ' replace', 1, true) ~= nil
  local debounces = string.find(ARGV[8 * n + 1], ' debounce', 1, true) ~= nil
  local call, at = read_guard(KEYS[9], id)
  local where, name = string.match(at or 'bodies', '^(%l+):?(.*)$')
  if where == 'bodies' then return change_delayed(n, name == '' and id or name, replaces, debounces) end
  return where == 'stream' and replaces and change_waiting(n, id, call, name) or nil
end

-- The last step: a job may change one that was added before it in the same call.
local function apply_changes()
  for n = 1, jobs do
    if changes[n] and string.find(ARGV[8 * n + 1], ' ', 1, true) then
      local fine, due = pcall(change, n, changes[n])
      if not fine then
        replies[n] = redis.error_reply(error_text(due))
      elseif due then
        replies[n][4] = due
      end
    end
  end
  return replies
end
if #added == 0 then return apply_changes() end

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
  place[n] = place[n] or
    'stream:' .. add_job(KEYS[1], ARGV[8 * n - 6], ARGV[8 * n - 5], ARGV[8 * n - 4], ARGV[8 * n - 3])
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
  local lifetime = of_unique[n] and string.match(ARGV[8 * n + 1], '^%d+')
  if lifetime == '0' then
    redis.call('SET', KEYS[4 * n + 10], ARGV[8 * n - 6])
  elseif lifetime then
    redis.call('SET', KEYS[4 * n + 10], ARGV[8 * n - 6], 'PX', lifetime)
  end
end
if #due > 0 then
  count(nil, KEYS[5], 'scheduled', #due / 2)
  ring(KEYS[2], KEYS[2], due)
end
return apply_changes()

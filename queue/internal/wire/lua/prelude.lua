-- The functions that scripts of the job queue share. The loader puts before a script those that it calls.

-- Notes, once, that bookkeeping failed. Without a list, nil, nothing is noted.
local function add_failure(failures, key, why)
  local failure = key .. ': ' .. why
  if not failures or failures[failure] then return end
  failures[failure] = true
  failures[#failures + 1] = failure
end

-- Runs a command of bookkeeping, whose failure must not stop what it belongs to. Returns its reply; nil if it failed,
-- which is added to the failures. A key that the user has no right to is given as KEYS[1], see scripts.go.
local function try(failures, command, key, ...)
  if key == KEYS[1] then return nil end
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  add_failure(failures, key, reply.err)
  return nil
end

-- Adds to a count of a hash, as bookkeeping: a failure is added to the failures. A count that would overflow stays at
-- the largest number that there is.
local function count(failures, key, field, n)
  if key == KEYS[1] then return end
  local reply = redis.pcall('HINCRBY', key, field, n)
  if type(reply) ~= 'table' or not reply.err then return end
  local found = redis.pcall('HGET', key, field)
  if type(found) == 'string' and string.find(found, '^%d+$') then
    redis.pcall('HSET', key, field, '9223372036854775807')
  else
    add_failure(failures, key, reply.err)
  end
end

-- Returns the text of an error that pcall has caught: Redis before 7.0 puts the place before it.
local function error_text(why)
  local text = type(why) == 'table' and why.err or tostring(why)
  return (string.gsub(string.gsub(text, '^@user_script: ?%d+: ?', ''), '^%-', ''))
end

-- Adds a job to a stream, with its meta unless that is '', and returns the entry. The sequence of the fields is always
-- the same: Redis then stores their names once for each node of the stream.
local function add_job(stream, id, kind, data, meta)
  if meta == '' then return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data) end
  return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data, 'meta', meta)
end

-- Returns a consumer's name as it is listed among those that died with a job: other programs' may be empty, or have
-- spaces, which separate the names there.
local function listed_name(consumer)
  if consumer == '' then return '?' end
  return (string.gsub(consumer, '%s', '_'))
end

-- Reports whether an entry is pending for a consumer. Fails with NOGROUP if the group is missing, unlike consumer_of.
local function owns(stream, group, entry, consumer)
  return #redis.call('XPENDING', stream, group, entry, entry, 1, consumer) == 1
end

-- Reports whether an entry that is pending for a consumer still is that of a job. A server that has lost its last
-- writes may give their IDs once more, to other jobs. A job without an ID of its own, '', is the one that was delivered
-- last when it was: it has been held for so many ms. An entry that somebody has deleted is nobody else's.
local function owns_job(stream, group, entry, consumer, id, held)
  local row = redis.call('XPENDING', stream, group, entry, entry, 1, consumer)[1]
  if not row then return false end
  if id == '' then return row[3] + 1000 + held / 1000 >= tonumber(held) end
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  if not found then return true end
  local is = ''
  for i = 1, #found[2], 2 do
    if found[2][i] == 'id' and found[2][i + 1] ~= '' then is = found[2][i + 1] end
  end
  return is == id
end

-- Returns which of some entries are pending for a consumer, as a set. They are between the first and the last: one look
-- at that range finds them all unless the consumer holds many others there. Fails with NOGROUP as owns does.
local function held_by(stream, group, consumer, entries, first, last)
  local held, most = {}, 2 * #entries
  local rows = redis.call('XPENDING', stream, group, first, last, most, consumer)
  for _, row in ipairs(rows) do held[row[1]] = true end
  if #rows < most then return held end
  for _, entry in ipairs(entries) do held[entry] = held[entry] or owns(stream, group, entry, consumer) end
  return held
end

-- Returns the consumer that an entry is pending for; nil if there is none, or no group yet.
local function consumer_of(stream, group, entry)
  local rows = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  return not rows.err and rows[1] and rows[1][2] or nil
end

-- Returns the name of the lane that a stream is; nil if it is the normal one.
local function lane_of(stream)
  return string.match(stream, ':lane:(%l+)$')
end

-- Returns the place of an entry of a stream, as guards of IDs have it.
local function place_of(stream, entry)
  return (lane_of(stream) or 'stream') .. ':' .. entry
end

-- Returns the name of an entry where those of several lanes may stand: each stream counts its entries for itself.
local function name_of(stream, entry)
  local lane = lane_of(stream)
  return lane and lane .. '/' .. entry or entry
end

-- Acknowledges an entry and deletes it.
local function remove_entry(stream, group, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

-- Reports whether a key is at another node, since its slot moves: a script whose caller cannot declare the key asks so
-- before it writes anything.
local function is_elsewhere(key)
  local reply = redis.pcall('EXISTS', key)
  return type(reply) == 'table' and reply.err and string.find(reply.err, 'non local key', 1, true) ~= nil
end

-- Deletes a unique key if it still is the job's. Without a key, nil, it does nothing; nor to a key of another type.
local function release_unique(key, id)
  if key and redis.pcall('GET', key) == id then redis.call('DEL', key) end
end

-- Reports whether a consumer has a lease that has not ended.
local function has_lease(workers, consumer)
  local ends = redis.call('ZSCORE', workers, consumer)
  return ends and tonumber(ends) >= now_ms()
end

-- Shortens the lease of a consumer that ends further ahead than it can to one that begins now: Redis' clock was set
-- back since. Its length is in the worker's registration, or is that given. Reports whether it ended too late.
local function shorten_lease(workers, worker, consumer, otherwise)
  local ends, lease = redis.call('ZSCORE', workers, consumer), redis.pcall('HGET', worker, 'lease_ms')
  lease = type(lease) == 'string' and tonumber(lease) or otherwise
  if not ends or not lease or tonumber(ends) <= now_ms() + lease then return false end
  allow_when_full('ZREM', workers)
  redis.call('ZADD', workers, now_ms() + lease, consumer)
  return true
end

-- Returns how far a queue's time has come, in ms: it is Redis' clock and, once that was set back, goes on from where it
-- was. The caretaker notes it with each heartbeat, and Redis' clock at that moment: '<ms> <ms>'. Of the time since an
-- older note 5 s count.
local function reached_ms(metrics, now)
  local noted = redis.pcall('HGET', metrics, 'clock')
  local reached, at = string.match(type(noted) == 'string' and noted or '', '^(%d+) (%d+)$')
  if not reached then return now end
  return math.max(now, reached + math.min(math.max(now - at, 0), 5000))
end

-- Returns the time in ms by which a queue's delayed jobs are due. It is Redis' clock. Where that was set back, the time
-- that the queue had reached goes on, as far as the caller's own clock agrees: neither starts anything early by itself.
-- A clock of a test, behind =, counts alone.
local function queue_ms(metrics, own)
  local given = string.match(own, '^=(%d+)$')
  if given then return tonumber(given) end
  local now = now_ms()
  return math.max(now, math.min(tonumber(own), reached_ms(metrics, now)))
end

-- Returns the score of a job that is due in so many ms from now. How long that is stands in the fraction, which a time
-- that a client or a person has chosen does not have: it is a number of 1024ths, and each step longer by a 16th of an
-- octave, which a due time in this century and the next has room for. A wait of more than 34 years is not noted.
local function due_in(now, ms)
  ms = tonumber(ms)
  local steps = ms > 1 and math.ceil(16 * math.log(ms) / math.log(2)) or 0
  return now + ms + (steps < 640 and (steps + 1) / 1024 or 0)
end

-- Returns the score that a job gets in place of one from due_in that lies further ahead than it can: Redis' clock was
-- set back since. Returns nil if it does not.
local function nearer_due(score, now)
  local due = math.floor(score)
  local steps = (score - due) * 1024 - 1
  if steps < 0 or steps ~= math.floor(steps) then return nil end
  local nearer = now + math.ceil(2 ^ (steps / 16))
  return due > nearer and nearer + (steps + 1) / 1024 or nil
end

-- The note of an entry's crashes, in a hash, is a list of words: the consumers that died while its handler ran;
-- #held:<consumer> for the first that died with it, of which it is not known whether the handler had begun; and
-- #late:<consumer> for one that had lived on for a while when it died, as others did without the job: five of those are
-- as good as one. Beside it, under <entry>:began, stands when the handler has begun since, and where:
-- <ms>/<consumer>; and under :deaths, in the same form, the workers that died last.

-- Notes that a worker died, whatever it held, for so many seconds. The last 16 are kept.
local function note_death(failures, crashed, consumer, kept)
  local words, name = {}, listed_name(consumer)
  for word in string.gmatch(try(failures, 'HGET', crashed, ':deaths') or '', '%S+') do
    if string.match(word, '^%d+/(.*)$') ~= name then words[#words + 1] = word end
  end
  words[#words + 1] = string.format('%.0f/%s', now_ms(), name)
  try(failures, 'HSET', crashed, ':deaths', table.concat(words, ' ', math.max(#words - 15, 1)))
  try(failures, 'EXPIRE', crashed, kept)
end

-- Reports whether of the workers that died last three and more did in the last minute, and without the entry of a note.
local function others_died(deaths, note)
  local with, without = {}, 0
  for word in string.gmatch(note, '%S+') do with[string.gsub(word, '^#%l+:', '')] = true end
  for at, name in string.gmatch(deaths or '', '(%d+)/(%S+)') do
    if tonumber(at) > now_ms() - 60000 and not with[name] then without = without + 1 end
  end
  return without >= 3
end

-- Notes that a worker died with entries. Its death was late for those that began before a time in ms, unless that is
-- ''. Of an entry that has no note yet it is not known whether its handler had begun: it is held against it if it
-- happens again. One that has a note and did not begin there is not to blame, nor is any other than the prime suspects
-- that the worker ran, with a space between, unless that is ''.
local function note_crash(failures, crashed, consumer, before, primes, entries, kept)
  local fields, noted, name = {}, {}, listed_name(consumer)
  if primes ~= '' then primes = ' ' .. primes .. ' ' end
  for _, entry in ipairs(entries) do
    fields[#fields + 1] = entry
    fields[#fields + 1] = entry .. ':began'
  end
  fields[#fields + 1] = ':deaths'
  local found = try(failures, 'HMGET', crashed, unpack(fields)) or {}
  local deaths = found[#fields]
  for i = 1, #found - 1, 2 do
    local note, began = found[i], found[i + 1] or ''
    local at, where = string.match(began, '^(%d+)/(.*)$')
    if not note then
      noted[#noted + 1] = fields[i]
      noted[#noted + 1] = '#held:' .. name
    elseif (where or began) == consumer and (primes == '' or string.find(primes, ' ' .. fields[i] .. ' ', 1, true)) then
      local late = at and before ~= '' and tonumber(at) < tonumber(before)
      local doubtful = late and others_died(deaths, note .. ' ' .. name)
      noted[#noted + 1] = fields[i]
      noted[#noted + 1] = note .. (doubtful and ' #late:' or ' ') .. name
    end
  end
  if #noted > 0 then try(failures, 'HSET', crashed, unpack(noted)) end
  try(failures, 'EXPIRE', crashed, kept)
end

-- Reads the note of an entry's crashes. Returns how many are to its blame, and how suspect it is: 0 not at all, 1 it
-- was with a worker that died, 2 it ran in two that died, 3 in more, 4 it may be dead after one more crash, of so many.
-- Two late deaths make it as suspect as another one does.
local function read_blame(crashed, entry, most)
  local note = try(nil, 'HGET', crashed, entry)
  if not note then return 0, 0 end
  local held, late, blamed = 0, 0, 0
  for word in string.gmatch(note, '%S+') do
    if string.find(word, '^#late:') then
      late = late + 1
    elseif string.sub(word, 1, 1) == '#' then
      held = 1
    else
      blamed = blamed + 1
    end
  end
  local suspicion = math.min(math.max(blamed + math.ceil(late / 2), 1), 3)
  blamed = blamed + math.floor(late / 5)
  if blamed + held + 1 >= tonumber(most) then suspicion = 4 end
  return blamed > 0 and blamed + held or 0, suspicion
end

-- Reports whether a stream has an entry.
local function has_entry(stream, entry)
  local found = redis.pcall('XRANGE', stream, entry, entry)
  return not found.err and #found > 0
end

-- Reads the guard of a chosen ID: the call that enqueued its job with the window in ms, and where the job is; nil if
-- there is none.
local function read_guard(ids, id)
  local guard = redis.pcall('HGET', ids, id)
  if type(guard) ~= 'string' then return nil end
  return string.match(guard, '^(%S+ %d+) (.+)$')
end

-- Notes in the guard of an ID where its job has come, if the guard says that it was at that place before. Without
-- guards, nil, it does nothing. A failure does not keep the job from its move.
local function move_guard(ids, id, from, to)
  if not ids then return end
  local call, place = read_guard(ids, id)
  if place == from then redis.pcall('HSET', ids, id, call .. ' ' .. to) end
end

-- Notes that the job of an ID has ended, and that its guard goes when its window is over. Otherwise as move_guard.
local function end_guard(ids, ends, id, from, how)
  if not ids then return end
  local call, place = read_guard(ids, id)
  if place ~= from then return end
  redis.pcall('ZADD', ends, string.format('%.0f', now_ms() + string.match(call, '%d+$')), id)
  redis.pcall('HSET', ids, id, call .. ' ended:' .. how)
end

-- Reads the guards of many IDs at once, as far as they say that the jobs are at those places. Returns for each what is
-- before the place, or false.
local function read_calls(ids, list, places)
  local guards, calls = #list > 0 and redis.pcall('HMGET', ids, unpack(list)) or {}, {}
  for n = 1, #list do
    local guard, place = guards[n] or '', ' ' .. places[n]
    calls[n] = string.sub(guard, -#place) == place and string.sub(guard, 1, -#place - 1)
  end
  return calls
end

-- As move_guard, for many IDs and the places of their jobs before and after.
local function move_guards(ids, list, before, after)
  local changed = {}
  for n, call in ipairs(read_calls(ids, list, before)) do
    if call then
      changed[#changed + 1] = list[n]
      changed[#changed + 1] = call .. ' ' .. after[n]
    end
  end
  if #changed > 0 then redis.pcall('HSET', ids, unpack(changed)) end
end

-- As end_guard, for many IDs and the places of their jobs before.
local function end_guards(ids, ends, list, before, how)
  local changed, due, now, ended = {}, {}, now_ms(), ' ended:' .. how
  for n, call in ipairs(read_calls(ids, list, before)) do
    local window = call and string.match(call, ' (%d+)$')
    if window then
      due[#due + 1] = string.format('%.0f', now + window)
      due[#due + 1] = list[n]
      changed[#changed + 1] = list[n]
      changed[#changed + 1] = call .. ended
    end
  end
  if #changed == 0 then return end
  redis.pcall('ZADD', ends, unpack(due))
  redis.pcall('HSET', ids, unpack(changed))
end

-- Deletes the guard of an ID whose job was at that place or, with 'ended', has ended. Reports whether there was one.
local function free_guard(ids, ends, id, from)
  local _, place = read_guard(ids, id)
  if place and from == 'ended' then place = string.match(place, '^(ended):') end
  if not place or place ~= from then return false end
  redis.call('HDEL', ids, id)
  call_if_there('ZREM', ends, id)
  return true
end

-- Returns the state of the job of an ID at a place; nil if it is not there. In another lane than the stream's it is not
-- looked for: '' then.
local function state_at(stream, group, delayed, retrying, bodies, dead, cancelled, id, place)
  local where, at = string.match(place, '^(%l+):?(.*)$')
  if where == 'stream' or where == 'high' or where == 'low' then
    if place ~= place_of(stream, at) then return '' end
    if not has_entry(stream, at) then return nil end
    return consumer_of(stream, group, at) and 'in_flight' or 'waiting'
  elseif where == 'bodies' then
    local member = at == '' and id or at
    if redis.call('HEXISTS', bodies, member) == 0 then return nil end
    return redis.call('ZSCORE', delayed, member) and 'delayed' or redis.call('ZSCORE', retrying, member) and 'retrying'
  elseif where == 'dead' and has_entry(dead, at) or where == 'cancelled' and has_entry(cancelled, at) then
    return where
  end
  return nil
end

-- Returns the member that stands for a job in bodies and with the due times, its body, and its place. If another job
-- of the same ID is there, a twin, the member ends with the job's entry, and the body begins with 0 to say so.
local function member_for(stream, id, body, entry, is_twin)
  if not is_twin then return id, body, 'bodies' end
  local member = id .. ' ' .. name_of(stream, entry)
  return member, '0' .. body, 'bodies:' .. member
end

-- Returns the meta of a job with its lane.
local function with_lane(meta, lane)
  if not lane or string.find(meta, '^{["%l:,]-"lane":') then return meta end
  if meta == '' or meta == '{}' then return '{"lane":"' .. lane .. '"}' end
  local changed, n = string.gsub(meta, '^{"guarded":true', '{"guarded":true,"lane":"' .. lane .. '"')
  return n > 0 and changed or (string.gsub(meta, '^{', '{"lane":"' .. lane .. '",'))
end

-- Takes a body apart: kind, meta, data, and the job's lane, nil if it is the normal one. A damaged one makes an entry
-- without a kind, which is dead, with its data.
local function read_body(body)
  local klen, mlen, from = string.match(body, '^(%d+) (%d+) ()')
  if not klen then klen, mlen, from = 0, 0, 1 end
  local meta_at, data_at = from + klen, from + klen + mlen
  local meta = string.sub(body, meta_at, data_at - 1)
  local lane = string.match(meta, '^{["%l:,]-"lane":"(%l+)"')
  if lane ~= 'high' and lane ~= 'low' then lane = nil end
  return string.sub(body, from, meta_at - 1), meta, string.sub(body, data_at), lane
end

-- Puts delayed or retrying jobs into the streams of their lanes, and takes them from their due times. Given are the
-- stream of one lane, and a table of others by the lanes' names; jobs of a lane that is not among them stay. Returns
-- how many there were, since the body of one may be gone, their bytes, and how many stayed.
local function promote_jobs(stream, others, bodies, due, ids, members)
  local found = call_if_there('HMGET', bodies, unpack(members)) or {}
  local there, gone, chosen, before, after, bytes, own = {}, {}, {}, {}, {}, 0, lane_of(stream)
  for n, member in ipairs(members) do
    local body, to = found[n], stream
    if body then
      local kind, meta, data, lane = read_body(body)
      if lane ~= own then to = lane and others[lane] end
      if to then
        local id, place = member, 'bodies'
        if string.find(body, '^0%d') then
          id, place = string.match(member, '^(.*) %S+$') or member, 'bodies:' .. member
        end
        local entry = add_job(to, id, kind, data, meta)
        if string.find(meta, '{"guarded":true', 1, true) == 1 then
          chosen[#chosen + 1] = id
          before[#before + 1] = place
          after[#after + 1] = place_of(to, entry)
        end
        there[#there + 1] = member
        bytes = bytes + #body
      end
    end
    if to then gone[#gone + 1] = member end
  end
  if #there > 0 then redis.call('HDEL', bodies, unpack(there)) end
  if #gone > 0 then redis.call('ZREM', due, unpack(gone)) end
  move_guards(ids, chosen, before, after)
  return #there, bytes, #members - #gone
end

-- Notifies the caretaker if the soonest of jobs that were added to a set, given as due times and members, is due
-- before all others of it and within a second: later ones it finds with a heartbeat. Nobody may be subscribed, and the
-- user may have no right to the channel, which is that of the delayed ones.
local function ring(delayed, due, added)
  local soonest = math.huge
  for i = 1, #added, 2 do soonest = math.min(soonest, tonumber(added[i])) end
  local wait = soonest - now_ms()
  if wait <= 1000 and tonumber(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]) == soonest then
    redis.pcall('PUBLISH', delayed .. ':due', math.max(wait, 0))
  end
end

-- Adds a job to the dead or cancelled ones. Of several of one ID the last is found by it, and names the one before.
local function add_ended(jobs, index, id, fields)
  local before = redis.call('HGET', index, id)
  if before and has_entry(jobs, before) then
    fields[#fields + 1] = 'twin'
    fields[#fields + 1] = before
  end
  local entry = redis.call('XADD', jobs, '*', unpack(fields))
  redis.call('HSET', index, id, entry)
  return entry
end

-- Deletes a job from the dead or cancelled ones; its ID then finds the one before, if that is there. Reports whether
-- the job was there.
local function remove_ended(jobs, index, id, entry)
  local found = redis.call('XRANGE', jobs, entry, entry)
  if #found == 0 then return false end
  redis.call('XDEL', jobs, entry)
  if call_if_there('HGET', index, id) ~= entry then return true end
  local fields, twin = found[1][2], nil
  for k = 1, #fields, 2 do
    if fields[k] == 'twin' and has_entry(jobs, fields[k + 1]) then twin = fields[k + 1] end
  end
  if twin then redis.call('HSET', index, id, twin) else redis.call('HDEL', index, id) end
  return true
end

-- Reports whether the record under a job's ID is of another job of that ID: one that was done, or is in the stream, or
-- was in another lane when it noted something. The entry is given by its name, see name_of.
local function is_record_of_other(stream, job, name)
  local noted = call_if_there('HMGET', job, 'ended_ms', 'entry') or {}
  if noted[1] or not noted[2] or noted[2] == name then return noted[1] end
  local at = string.match(noted[2], '([^/]*)$')
  return noted[2] ~= name_of(stream, at) or has_entry(stream, at)
end

-- Writes fields of a job's record, and how long it is kept, in ms. What another entry has noted there goes.
local function set_record(key, entry, keep, fields)
  local other = redis.call('HGET', key, 'entry') ~= entry
  redis.call('HSET', key, 'entry', entry, unpack(fields)) -- first: the record may have had nothing but a progress
  if other and fields[1] ~= 'progress' then redis.call('HDEL', key, 'progress') end
  redis.call('PEXPIRE', key, keep)
end

-- Returns what Redis has on a stream's groups, a table of fields for each; none if there is no stream.
local function groups_of(stream)
  local groups = {}
  for n, cells in ipairs(redis.pcall('XINFO', 'GROUPS', stream)) do
    groups[n] = {}
    for k = 1, #cells, 2 do groups[n][cells[k]] = cells[k + 1] end
  end
  return groups
end

-- Returns how many entries a group was not given yet. Where Redis does not know it, all that are not pending count: the
-- same, unless consumers of other programs acknowledge and do not delete.
local function count_waiting(stream, group, pending)
  local length = redis.pcall('XLEN', stream)
  if type(length) ~= 'number' then return 0 end -- no stream any more: the worker's other commands fail, and say so
  for _, about in ipairs(groups_of(stream)) do
    if about.name == group and about.lag then return math.min(about.lag, length) end
  end
  return math.max(length - pending, 0)
end

-- Returns how many bytes the fields and values of an entry have.
local function bytes_of(fields)
  local bytes = 0
  for _, text in ipairs(fields) do bytes = bytes + #text end
  return bytes
end

-- Returns the state of the job of a chosen ID, as far as its guard leads to it; 'ended' while its window lasts; nil if
-- the ID is free.
local function guarded_state(stream, group, delayed, retrying, bodies, dead, cancelled, ids, ends, id)
  local _, place = read_guard(ids, id)
  if not place then return nil end
  if string.find(place, '^ended:') then
    local over = redis.call('ZSCORE', ends, id)
    return over and tonumber(over) > now_ms() and 'ended' or nil
  end
  return state_at(stream, group, delayed, retrying, bodies, dead, cancelled, id, place) or
    state_at(stream, group, delayed, retrying, bodies, dead, cancelled, id, 'bodies')
end

-- Puts a job with a chosen ID, which is free, into the stream, and guards it for so many ms after its end.
local function add_guarded(stream, ids, id, window, kind, data, meta)
  local entry = add_job(stream, id, kind, data, meta)
  redis.call('HSET', ids, id, 'cron ' .. window .. ' ' .. place_of(stream, entry))
end

-- Returns in how many ms the first member of a set of times is due, or -1 if it has none.
local function ms_until(times, now)
  local first = redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, math.ceil(tonumber(first[2]) - now)) or -1
end

-- Returns the last of some words, so many at the most.
local function last_words(text, most)
  local words = {}
  for word in string.gmatch(text, '%S+') do words[#words + 1] = word end
  return table.concat(words, ' ', math.max(#words - most + 1, 1))
end

-- Returns the state of a cron entry after one of that revision: '<revision> <next tick, ms> <held or -> <IDs of its
-- last jobs>'. Every change of an entry makes another state of it.
local function cron_state(revision, tick, held, jobs)
  return string.format('%.0f %s %s', revision + 1, tick, held) .. (jobs == '' and '' or ' ' .. jobs)
end

-- Notes what became of a tick of a cron entry, as bookkeeping: the last hundred are kept.
local function note_cron(history, now, tick, what)
  try(nil, 'LPUSH', history, string.format('%.0f %s %s', now, tick, what))
  try(nil, 'LTRIM', history, 0, 99)
end

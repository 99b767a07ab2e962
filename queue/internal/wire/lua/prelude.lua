-- The functions that scripts of the job queue share. The loader puts before a script those that it calls.

-- Adds a job to a stream, with its meta unless that is '', and returns the entry. The sequence of the fields is always
-- the same: Redis then stores their names once for each node of the stream.
local function add_job(stream, id, kind, data, meta)
  if meta == '' then return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data) end
  return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data, 'meta', meta)
end

-- Reports whether an entry is pending for a consumer. Fails with NOGROUP if the group is missing, unlike consumer_of.
local function owns(stream, group, entry, consumer)
  return #redis.call('XPENDING', stream, group, entry, entry, 1, consumer) == 1
end

-- Returns the consumer that an entry is pending for; nil if there is none, or no group yet.
local function consumer_of(stream, group, entry)
  local rows = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  return not rows.err and rows[1] and rows[1][2] or nil
end

-- Acknowledges an entry and deletes it.
local function remove_entry(stream, group, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

-- Deletes a unique key if it still is the job's. Without a key, nil, it does nothing.
local function release_unique(key, id)
  if key and redis.call('GET', key) == id then redis.call('DEL', key) end
end

-- Reports whether a consumer has a lease that has not ended.
local function has_lease(workers, consumer)
  local ends = redis.call('ZSCORE', workers, consumer)
  return ends and tonumber(ends) >= now_ms()
end

-- Returns how many workers died with an entry: their consumers are listed in its field, separated by spaces.
local function count_crashes(crashed, entry)
  local _, crashes = string.gsub(redis.call('HGET', crashed, entry) or '', '%S+', '')
  return crashes
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

-- Deletes the guard of an ID whose job was at that place or, with 'ended', has ended. Reports whether there was one.
local function free_guard(ids, ends, id, from)
  local _, place = read_guard(ids, id)
  if place and from == 'ended' then place = string.match(place, '^(ended):') end
  if not place or place ~= from then return false end
  redis.call('HDEL', ids, id)
  redis.call('ZREM', ends, id)
  return true
end

-- Returns the state of the job of an ID at a place; nil if it is not there.
local function state_at(stream, group, delayed, retrying, bodies, dead, cancelled, id, place)
  local where, at = string.match(place, '^(%l+):?(.*)$')
  if where == 'stream' and has_entry(stream, at) then
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

-- Returns the member that stands for a job in bodies and with the due times, its body, and its place. If another job of
-- the same ID is there, the member ends with the job's entry, and the body begins with 0 to say so.
local function member_for(bodies, id, body, entry)
  if redis.call('HEXISTS', bodies, id) == 0 then return id, body, 'bodies' end
  local member = id .. ' ' .. entry
  return member, '0' .. body, 'bodies:' .. member
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
  if redis.call('HGET', index, id) ~= entry then return true end
  redis.call('HDEL', index, id)
  local fields = found[1][2]
  for k = 1, #fields, 2 do
    if fields[k] == 'twin' and has_entry(jobs, fields[k + 1]) then redis.call('HSET', index, id, fields[k + 1]) end
  end
  return true
end

-- Reports whether the record under a job's ID is of another job of that ID: one that was done, or is in the stream.
local function is_record_of_other(stream, job, entry)
  local noted = redis.call('HMGET', job, 'ended_ms', 'entry')
  return noted[1] or noted[2] and noted[2] ~= entry and has_entry(stream, noted[2])
end

-- Writes fields of a job's record, and how long it is kept, in ms. What another entry has noted there goes.
local function set_record(key, entry, keep, fields)
  allow_when_full('HDEL', key)
  if redis.call('HGET', key, 'entry') ~= entry then redis.call('HDEL', key, 'progress') end
  redis.call('HSET', key, 'entry', entry, unpack(fields))
  redis.call('PEXPIRE', key, keep)
end

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

-- Returns how many bytes the fields and values of an entry have.
local function bytes_of(fields)
  local bytes = 0
  for _, text in ipairs(fields) do bytes = bytes + #text end
  return bytes
end

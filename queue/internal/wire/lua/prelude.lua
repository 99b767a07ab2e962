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

-- Adds a job to a stream, with its meta unless that is '', and returns the entry. The sequence of the fields is always
-- the same: Redis then stores their names once for each node of the stream.
local function add_job(stream, id, kind, data, meta)
  if meta == '' then return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data) end
  return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'data', data, 'meta', meta)
end

-- Returns the ID under which a job's body is kept: its own, unless another job of that ID is there, which a program
-- that adds entries by hand may have given to both. Its entry then distinguishes them.
local function free_body(bodies, id, entry)
  if redis.call('HEXISTS', bodies, id) == 1 then return id .. '@' .. entry end
  return id
end

-- Returns a consumer's name as it is listed among those that died with a job: other programs' may be empty, or have
-- spaces, which separate the names there.
local function listed_name(consumer)
  if consumer == '' then return '?' end
  return (string.gsub(consumer, '%s', '_'))
end

-- Puts a delayed or retrying job into the stream, and takes it from its due times. Returns 1, or 0 if its body is gone.
local function promote_job(stream, bodies, due, id)
  local body = redis.call('HGET', bodies, id)
  if body then
    local klen, mlen, from = string.match(body, '^(%d+) (%d+) ()')
    if not klen then klen, mlen, from = 0, 0, 1 end -- damaged: an entry without a kind is dead, with its data
    local meta_at, data_at = from + klen, from + klen + mlen
    local kind, meta = string.sub(body, from, meta_at - 1), string.sub(body, meta_at, data_at - 1)
    add_job(stream, id, kind, string.sub(body, data_at), meta)
    redis.call('HDEL', bodies, id)
  end
  redis.call('ZREM', due, id)
  return body and 1 or 0
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

-- Deletes a unique key if it still is the job's. Without a key, nil, it does nothing; nor to a key of another type.
local function release_unique(key, id)
  if key and redis.pcall('GET', key) == id then redis.call('DEL', key) end
end

-- Reports whether a consumer has a lease that has not ended.
local function has_lease(workers, consumer)
  local ends = redis.call('ZSCORE', workers, consumer)
  return ends and tonumber(ends) >= now_ms()
end

-- Returns how many workers died with an entry: their consumers are listed in its field, separated by spaces.
local function count_crashes(crashed, entry)
  local _, crashes = string.gsub(try(nil, 'HGET', crashed, entry) or '', '%S+', '')
  return crashes
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

-- Moves a job that a worker holds and cannot receive to the dead ones, inside Redis, and sets its unique key free.
--
-- KEYS[1]  stream
-- KEYS[2]  dead
-- KEYS[3]  dead:ids
-- KEYS[4]  totals
-- KEYS[5]  ids
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  kind of an entry that another program wrote, or ''
-- ARGV[5]  what unique keys of the queue begin with
-- ARGV[6…] fields and values of the dead entry, those of the job aside
-- Reply    {job ID, kind}; 0 the worker does not own the entry
if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2]) then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
if not entry then return 0 end
local fields, job, foreign = entry[2], {id = name_of(KEYS[1], ARGV[3]), kind = '', data = '', meta = ''}, {}
for i = 1, #fields, 2 do
  if job[fields[i]] then job[fields[i]] = fields[i + 1] end
  foreign[#foreign + 1] = cjson.encode(fields[i]) .. ':' .. cjson.encode(fields[i + 1])
end
local names = {}
for i = 1, #fields, 2 do names[#names + 1] = fields[i] end
local form = table.concat(names, ' ')
if ARGV[4] ~= '' and form ~= 'id kind data' and form ~= 'id kind data meta' then
  job = {id = name_of(KEYS[1], ARGV[3]), kind = ARGV[4], data = '{' .. table.concat(foreign, ',') .. '}', meta = ''}
end
local meta_is, meta = pcall(cjson.decode, job.meta)
local unique = meta_is and type(meta) == 'table' and type(meta.unique) == 'string' and ARGV[5] .. meta.unique
if unique and is_elsewhere(unique) then return redis.error_reply('TRYAGAIN the unique key of the job has moved') end
allow_when_full('HDEL', KEYS[3])
local dead = add_ended(KEYS[2], KEYS[3], job.id, {
  'id', job.id, 'kind', job.kind, 'data', job.data, 'meta', with_lane(job.meta, lane_of(KEYS[1])), unpack(ARGV, 6)
})
remove_entry(KEYS[1], ARGV[1], ARGV[3])
count(nil, KEYS[4], 'dead', 1)
move_guard(KEYS[5], job.id, place_of(KEYS[1], ARGV[3]), 'dead:' .. dead)
release_unique(unique, job.id)
return {job.id, job.kind}

-- Moves jobs that a worker holds to later times, after failed attempts or snoozes, many at a time; not those that were
-- cancelled meanwhile. For the server that gave the worker their entries, and while it is registered: see ack.lua. A
-- full Redis refuses all of them, before anything is written.
--
-- KEYS[1]  stream
-- KEYS[2]  delayed or retrying
-- KEYS[3]  bodies
-- KEYS[4]  totals
-- KEYS[5]  cancelled
-- KEYS[6]  counts of all time
-- KEYS[7]  worker
-- KEYS[8]  ids (only if an ID was chosen)
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  '1' if this may be another server than the one that gave the entries
-- ARGV[4]  the first of the entries in the stream
-- ARGV[5]  the last of them
-- ARGV[6]  total to count them in
-- ARGV[7]  the caller's clock, see queue_ms
-- ARGV[8…] of each: the entry, the job ID, in how many ms it is due, the body, and '1' if the ID was chosen
-- Reply    of each: 1 moved, 2 it was cancelled, 0 the worker does not own the entry; or -1 nothing was done, each must
--          be checked
if ARGV[3] == '1' or redis.call('EXISTS', KEYS[7]) == 0 then return -1 end
local entries, ids = {}, {}
for i = 8, #ARGV, 5 do
  entries[#entries + 1] = ARGV[i]
  ids[#ids + 1] = ARGV[i + 1]
end
local held = held_by(KEYS[1], ARGV[1], ARGV[2], entries, ARGV[4], ARGV[5])
local cancelled = try(nil, 'HMGET', KEYS[5], unpack(entries)) or {}
redis.call('ZADD', KEYS[2], 'XX', 0, '\0') -- of a member that no key has: refused by a full Redis
local there = redis.call('HMGET', KEYS[3], unpack(ids))
local now, taken, verdicts, moved = queue_ms(KEYS[6], ARGV[7]), {}, {}, {}
local bodies, due, chosen, before, after = {}, {}, {}, {}, {}
for i = 8, #ARGV, 5 do
  local n, entry, id = #verdicts + 1, ARGV[i], ARGV[i + 1]
  verdicts[n] = not held[entry] and 0 or cancelled[n] and 2 or 1
  if verdicts[n] == 1 then
    local member, body, place = member_for(KEYS[1], id, ARGV[i + 3], entry, there[n] or taken[id])
    taken[id] = true
    bodies[#bodies + 1] = member
    bodies[#bodies + 1] = body
    due[#due + 1] = due_in(now, ARGV[i + 2])
    due[#due + 1] = member
    moved[#moved + 1] = entry
    if ARGV[i + 4] == '1' then
      chosen[#chosen + 1] = id
      before[#before + 1] = place_of(KEYS[1], entry)
      after[#after + 1] = place
    end
  end
end
if #moved == 0 then return verdicts end
redis.call('HSET', KEYS[3], unpack(bodies))
redis.call('ZADD', KEYS[2], unpack(due))
redis.call('XACK', KEYS[1], ARGV[1], unpack(moved))
redis.call('XDEL', KEYS[1], unpack(moved))
count(nil, KEYS[4], ARGV[6], #moved)
move_guards(KEYS[8], chosen, before, after)
return verdicts

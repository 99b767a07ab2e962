-- Takes an entry from a consumer whose lease has ended, or that never had one, and parks it under ~orphans for the next
-- worker with a free slot, as the caretaker does after a while. The registration goes first, so that a worker that
-- comes back cannot finish what was taken away. Deleting it also lets the rest write while Redis is out of
-- memory.
--
-- KEYS[1]  stream
-- KEYS[2]  workers
-- KEYS[3]  worker
-- KEYS[4]  crashed
-- ARGV[1]  group
-- ARGV[2]  consumer
-- ARGV[3]  entry
-- ARGV[4]  how long the crash is remembered, in s
-- Reply    1 parked, now or before; -1 its worker has a lease; 0 the consumer does not hold it any more
if consumer_of(KEYS[1], ARGV[1], ARGV[3]) ~= ARGV[2] then return 0 end
if ARGV[2] == '~orphans' or ARGV[2] == '~released' then return 1 end
shorten_lease(KEYS[2], KEYS[3], ARGV[2], nil)
if has_lease(KEYS[2], ARGV[2]) then return -1 end
redis.call('DEL', KEYS[3])
note_crash(nil, KEYS[4], ARGV[2], '', '', {ARGV[3]}, ARGV[4])
redis.call('XCLAIM', KEYS[1], ARGV[1], '~orphans', 0, ARGV[3], 'JUSTID')
return 1

-- Takes an entry from a consumer whose lease has ended, or that never had one, and parks it under ~orphans for the next
-- worker with a free slot, as the caretaker does after a while. The registration goes first, so that a worker that
-- comes back cannot finish what was taken away.
-- KEYS  1 stream  2 workers  3 worker  4 crashed
-- ARGV  1 group  2 consumer  3 entry  4 how long to remember the worker, s
-- REPLY 1 parked, now or before; -1 its worker lives; 0 the consumer does not hold it any more
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if rows.err or #rows == 0 then return 0 end
if ARGV[2] == '~orphans' or ARGV[2] == '~released' then return 1 end
local lease = redis.call('ZSCORE', KEYS[2], ARGV[2])
if lease and tonumber(lease) >= now then return -1 end
redis.call('DEL', KEYS[3])
local before = redis.call('HGET', KEYS[4], ARGV[3])
redis.call('HSET', KEYS[4], ARGV[3], before and before .. ' ' .. ARGV[2] or ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[4])
redis.call('XCLAIM', KEYS[1], ARGV[1], '~orphans', 0, ARGV[3], 'JUSTID')
return 1

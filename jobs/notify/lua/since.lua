-- Reads a log after a place, and what it takes to know whether that is all there was. By the clock of the server that
-- has the log: another one's may differ.
--
-- KEYS[1]  the log, a stream
-- ARGV[1]  the ID of the last entry that is known; '' to read nothing, and learn where the log ends
-- ARGV[2]  how many entries at the most
-- Reply    {milliseconds of the clock, length, ID of the first entry or '', ID of the last or '', and then an ID and
--          its data for each entry}
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local reply = {now_ms(), redis.call('XLEN', KEYS[1]),
  first and first[1] or '', last and last[1] or ''}
if ARGV[1] ~= '' then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = entry[2][2]
  end
end
return reply

-- Takes calls under several limits at one moment: from all of them, or from none. Before this, the loader has put the
-- scripts of the algorithms as functions of their keys and arguments, and the moment that they take for the time.
--
-- KEYS[n]  the calls of the n-th limit, as its algorithm keeps them
-- ARGV[1]  how many calls to take; 0 looks what would become of one
-- ARGV[2…] for each limit: its algorithm, and the three arguments of its script after the number of calls
-- Reply    five numbers for each limit, as its algorithm replies
moment = redis.call('TIME')

local function each(calls)
  local reply, allowed = {}, true
  for i, key in ipairs(KEYS) do
    local at = 4 * i - 2
    local one = algorithms[ARGV[at]]({key}, {calls, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]})
    allowed = allowed and one[1] == 1
    for _, number in ipairs(one) do
      reply[#reply + 1] = number
    end
  end
  return reply, allowed
end

local take = tonumber(ARGV[1])
local reply, allowed = each(-take)
if allowed and take > 0 then
  reply = each(take)
end
return reply

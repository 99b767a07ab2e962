-- Changes the scores of a board, once for each ID. Where the earlier wins, it also keeps the order: a twin of the board
-- whose members begin with a number that falls with every change, so that Redis' own order among equal scores is that
-- of their coming. The board itself holds plain members and true scores.
--
-- KEYS[1]  the board, a zset: member to score
-- KEYS[2]  the order, a zset: "<number>:<member>" to the same score
-- KEYS[3]  the numbers, a hash: member to its number; '' to how many were given
-- KEYS[4]  the mark that this ID was applied, a string
-- ARGV[1]  1 where the earlier wins; a board that has numbers keeps them in any case
-- ARGV[2]  how long the mark stays, in milliseconds; 0 without an ID
-- ARGV[3]  when the board expires, in Unix milliseconds; 0 for never
-- ARGV[4…] for each change: set, add, remove or adopt; the member; the number to set or add
-- Reply    the new score of each member, '' if it has none; nil if this ID was applied before; an error INVALID,
--          before anything is changed, if a score would be no number, or have no end
if ARGV[2] ~= '0' and redis.call('EXISTS', KEYS[4]) == 1 then
  return false
end
local ordered = ARGV[1] == '1' or redis.call('EXISTS', KEYS[3]) == 1
local highest = 9000000000000000 -- every integer below is exact in a double

-- Gives a member its place in the order, unless it has it already.
local function place(member, score)
  local old = redis.call('HGET', KEYS[3], member)
  if old and redis.call('ZSCORE', KEYS[2], old .. ':' .. member) == score then
    return
  end
  local number = string.format('%016d', highest - redis.call('HINCRBY', KEYS[3], '', 1))
  redis.call('ZADD', KEYS[2], score, number .. ':' .. member)
  redis.call('HSET', KEYS[3], member, number)
  if old then
    redis.call('ZREM', KEYS[2], old .. ':' .. member)
  end
end

local function forget(member)
  local old = redis.call('HGET', KEYS[3], member)
  if old then
    redis.call('ZREM', KEYS[2], old .. ':' .. member)
    redis.call('HDEL', KEYS[3], member)
  end
end

local function change(what, member, number)
  if what == 'set' then
    redis.call('ZADD', KEYS[1], number, member)
  elseif what == 'add' then
    redis.call('ZINCRBY', KEYS[1], number, member)
  elseif what == 'remove' then
    redis.call('ZREM', KEYS[1], member)
  end -- to adopt is to look at what the score is
  local score = redis.call('ZSCORE', KEYS[1], member)
  if ordered and score then
    place(member, score)
  elseif ordered then
    forget(member)
  end
  return score or ''
end

-- What is not of its type fails here, before anything is changed: a change that was made by half would be made again.
if ordered then
  redis.call('ZCARD', KEYS[2])
  if not string.match(redis.call('HGET', KEYS[3], '') or '0', '^%d+$') then
    return redis.error_reply('ERR the numbers of the order are damaged')
  end
end
redis.call('ZCARD', KEYS[1])

-- Adds up what the scores will be: Redis keeps what is beyond the greatest double as inf, for good.
local will = {}
for i = 4, #ARGV, 3 do
  local what, member, number = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if what == 'add' then
    local before = will[member] or tonumber(redis.call('ZSCORE', KEYS[1], member) or 0)
    number = before + number
    if number ~= number or math.abs(number) == math.huge then
      local why = string.format('INVALID change %d: the score would be %g, from %g', (i - 4) / 3, number, before)
      return redis.error_reply(why)
    end
  end
  if what ~= 'adopt' then
    will[member] = what == 'remove' and 0 or number
  end
end

local scores = {}
for i = 4, #ARGV, 3 do
  scores[#scores + 1] = change(ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
if ARGV[3] ~= '0' then
  for i = 1, 3 do
    redis.call('PEXPIREAT', KEYS[i], ARGV[3])
  end
end
if ARGV[2] ~= '0' then
  redis.call('SET', KEYS[4], '', 'PX', ARGV[2])
end
return scores

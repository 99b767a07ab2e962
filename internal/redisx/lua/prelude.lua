-- The functions that every script may call. The loader puts before a script those that it calls.

-- Returns the time by the server's clock in microseconds.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Returns the time by the server's clock in milliseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Lets a script write while Redis is out of memory, if it is called before the first write. Redis refuses a script's
-- write then only if the command may need memory and the script has written nothing yet. So this removes a member that
-- no key has, a NUL (other programs' names may be empty): HDEL for a hash, ZREM for a sorted set. Like any command it
-- fails on a key of another type.
local function allow_when_full(command, key)
  redis.call(command, key, '\0')
end

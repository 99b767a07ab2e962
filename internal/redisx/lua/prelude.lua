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

-- Runs a command on a key that this script may have emptied, so that it is gone. Returns nil if it is gone and its slot
-- moves to another node: Redis then takes the key for one that has moved, and fails every command on it.
local function call_if_there(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'non local key', 1, true) then return nil end
  return redis.call(command, key, ...) -- fails again, and stops the script
end

-- Lets a script write while Redis is out of memory, if it is called before the first write. Redis refuses a script's
-- write then only if the command may need memory and the script has written nothing yet. So this removes a member that
-- no key has, a NUL (other programs' names may be empty): HDEL for a hash, ZREM for a sorted set. Like any command it
-- fails on a key of another type.
local function allow_when_full(command, key)
  redis.call(command, key, '\0')
end

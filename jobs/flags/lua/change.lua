-- Changes a flag and writes the change to its trail, once for each call. The keys share a slot.
--
-- KEYS[1]  the flag, a string: 1 is on
-- KEYS[2]  its rules, a string: JSON
-- KEYS[3]  the users it is off for, a set
-- KEYS[4]  its trail, a stream
-- KEYS[5]  the mark that this call was made, a string
-- ARGV[1]  enable, disable, enable_user, disable_user, reset_user, set_rules or delete
-- ARGV[2]  the user or the rules
-- ARGV[3]  who
-- ARGV[4]  why
-- ARGV[5]  how it stood before, if only the caller can know; else ''
-- ARGV[6]  how long the mark stays, in milliseconds
-- ARGV[7]  how many entries the trail keeps, about
-- ARGV[8]  how long the trail stays, in milliseconds
-- ARGV[9]  the rules as the caller has seen them; absent if they do not matter
-- Reply    1 changed, 0 this call was made before, -1 the rules are others
if redis.call('EXISTS', KEYS[5]) == 1 then
  return 0
end
if ARGV[9] and (redis.call('GET', KEYS[2]) or '') ~= ARGV[9] then
  return -1
end
local action, argument = ARGV[1], ARGV[2]
local on = redis.call('GET', KEYS[1])
local before, after = ARGV[5], ''
if action == 'enable' or action == 'disable' then
  before = on == '1' and 'on' or 'off'
  after = action == 'enable' and 'on' or 'off'
elseif action == 'set_rules' then
  before, after = redis.call('GET', KEYS[2]) or '', argument
elseif action == 'delete' then
  before = (on == '1' and 'on ' or 'off ') .. (redis.call('GET', KEYS[2]) or '')
elseif redis.call('SISMEMBER', KEYS[3], argument) == 1 then
  before = 'off'
end
if action == 'enable_user' then
  after = 'on'
elseif action == 'disable_user' then
  after = 'off'
end

local user = ''
if string.sub(action, -5) == '_user' then
  user = argument
end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'action', action, 'user', user, 'by', ARGV[3],
  'reason', ARGV[4], 'before', before, 'after', after)
redis.call('PEXPIRE', KEYS[4], ARGV[8])
redis.call('SET', KEYS[5], '', 'PX', ARGV[6])

if action == 'enable' then
  redis.call('SET', KEYS[1], '1')
elseif action == 'disable' then
  redis.call('DEL', KEYS[1])
elseif action == 'set_rules' and argument ~= '' then
  redis.call('SET', KEYS[2], argument)
elseif action == 'set_rules' then
  redis.call('DEL', KEYS[2])
elseif action == 'disable_user' then
  redis.call('SADD', KEYS[3], argument)
elseif action == 'delete' then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
else
  redis.call('SREM', KEYS[3], argument)
end
return 1

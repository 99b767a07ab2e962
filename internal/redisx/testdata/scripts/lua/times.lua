-- Replies with times, and writes one of them.
--
-- KEYS[1]  a string
-- Reply    {milliseconds, microseconds, ten times the milliseconds}
local ms, us = now_ms(), now_us()
redis.call('SET', KEYS[1], ms)
return {ms, us, ten_times_now()}

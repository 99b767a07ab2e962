-- Shortens a worker's lease that ends further ahead than it can: Redis' clock was set back since. It ends in one lease
-- from now, as it would have; a live worker renews its own with its next heartbeat.
--
-- KEYS[1]  workers
-- KEYS[2]  worker
-- ARGV[1]  consumer
-- ARGV[2]  lease, in ms, of a worker whose registration is gone or does not name it
-- Reply    1 shortened, 0 it does not end too late
return shorten_lease(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])) and 1 or 0

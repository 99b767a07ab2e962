-- Counts one event at once.
--
-- KEYS[1]  the day's counters, a hash: event to count
-- ARGV[1]  the event
-- ARGV[2]  how many names of events the counters hold
-- ARGV[3]  the name under which others are counted
-- Reply    1
count_name(KEYS[1], ARGV[1], 1, ARGV[2], ARGV[3])
return 1

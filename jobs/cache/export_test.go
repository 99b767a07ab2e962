package cache

// Waiters is how many wait for the load of a key in this process.
func Waiters(c *Cache, key string) int {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f := c.flights.running[key]; f != nil {
		return f.waiters
	}
	return 0
}

// EscapeGlob is escapeGlob.
var EscapeGlob = escapeGlob

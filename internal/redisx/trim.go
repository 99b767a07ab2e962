package redisx

import "time"

// Trim closes the connections that have not been used for so long, which the client library does only when it comes to
// use them: those of a burst would stay for ever. One that waits for a reply is in use.
func (f *Follower) Trim(idle time.Duration) {
	old := time.Now().Add(-idle).UnixNano()
	f.mu.Lock()
	stale := f.staleUnless(func(c *followedConn) bool { return c.partial.Load() || c.used.Load() > old })
	f.mu.Unlock()
	drop(stale)
}

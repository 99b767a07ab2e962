package lockmgr

import "time"

// waiterLease is how long a waiter keeps its place in a fair queue after it last looked.
const waiterLease = 3 * time.Second

// fairBackend is a lock whose waiters stand in a queue in Redis.
func (m *Manager) fairBackend(name string) scriptBackend {
	b := m.lockBackend(name)
	b.acquire = fairAcquireScript
	b.acquireKeys = append(b.acquireKeys, b.withdrawKeys[1:]...)
	b.args, b.fair, b.traces = []any{waiterLease.Milliseconds()}, true, true
	return b
}

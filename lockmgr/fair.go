package lockmgr

import (
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// waiterLease is how long a waiter keeps its place in a fair queue after it last looked.
const waiterLease = 3 * time.Second

// fairBackend is a lock whose waiters stand in a queue in Redis.
func (m *Manager) fairBackend(name string) scriptBackend {
	b := m.lockBackend(name)
	key, queue := lockPrefix+name, b.releaseKeys[1]
	leases := redisx.Companion(key, "waiters")
	b.acquire, b.leave = fairAcquireScript, fairLeaveScript
	b.acquireKeys = append(b.acquireKeys, queue, leases)
	b.leaveKeys = []string{key, queue, leases}
	b.args, b.fair = []any{waiterLease.Milliseconds()}, true
	return b
}

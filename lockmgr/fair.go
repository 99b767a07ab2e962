package lockmgr

import (
	_ "embed"
	"time"
)

// waiterLease is how long a waiter of a fair queue is thought to live after it was last heard of.
const waiterLease = 3 * time.Second

//go:embed lua/fair_acquire.lua
var fairAcquireSource string

//go:embed lua/fair_leave.lua
var fairLeaveSource string

var (
	fairAcquireScript = newScript(fairAcquireSource)
	fairLeaveScript   = newScript(fairLeaveSource)
)

func (h *hub) fairForm(name string) form {
	f := h.lockForm(name)
	key, queue := lockPrefix+name, f.releaseKeys[1]
	leases := companion(key, "waiters")
	f.acquire, f.leave = fairAcquireScript, fairLeaveScript
	f.acquireKeys = append(f.acquireKeys, queue, leases)
	f.leaveKeys = []string{key, queue, leases}
	f.args, f.fair = []any{waiterLease.Milliseconds()}, true
	return f
}

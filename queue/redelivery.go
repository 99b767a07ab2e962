package queue

import (
	"sync"

	"github.com/navvy-go/navvy/internal/redisx"
)

// readMark is the last entry of the stream that a session has received, however.
type readMark struct {
	mu   sync.Mutex
	last redisx.StreamID
}

// raise notes entries that were received, and returns what was the last before them.
func (m *readMark) raise(tasks []*task) (before redisx.StreamID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = m.last
	for _, t := range tasks {
		if id, _ := redisx.ParseStreamID(t.entry.ID); id.Compare(m.last) > 0 {
			m.last = id
		}
	}
	return before
}

// readAgain reports whether a read brought entries that the session may hold already. What a group reads rises, unless
// a person has set it back, or has destroyed it and a worker has made it again, or a failover lost what was delivered:
// then the jobs that run here are delivered once more. Such entries are left to [session.adopt], which takes those that
// are not held; the others end with the run that is under way.
//
// Why: docs/decisions/engine.md#what-a-worker-holds-is-compared-with-a-read-that-goes-back
func (ses *session) readAgain(tasks []*task) bool {
	if len(tasks) == 0 {
		return false
	}
	first, _ := redisx.ParseStreamID(tasks[0].entry.ID)
	before := ses.received.raise(tasks[len(tasks)-1:])
	return first.Compare(before) <= 0
}

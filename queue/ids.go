package queue

import (
	crand "crypto/rand"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// idSource makes ULIDs that rise within a process, also within one millisecond.
type idSource struct {
	mu      sync.Mutex
	entropy io.Reader
}

func newIDSource() *idSource {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails, says its documentation
	return &idSource{entropy: ulid.Monotonic(rand.NewChaCha8(seed), 0)}
}

func (s *idSource) next(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ms := ulid.Timestamp(now)
	id, err := ulid.New(ms, s.entropy)
	for err != nil { // 2^80 IDs in one millisecond, or a clock out of range: both end with another millisecond
		ms = min(ms+1, ulid.MaxTime())
		id, err = ulid.New(ms, s.entropy)
	}
	return id.String()
}

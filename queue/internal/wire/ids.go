package wire

import (
	crand "crypto/rand"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// idSource makes ULIDs that rise within a process, also within one millisecond.
type IDSource struct {
	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
	scratch ulid.ULID
}

func NewIDSource() *IDSource {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails, says its documentation
	return &IDSource{entropy: ulid.Monotonic(rand.NewChaCha8(seed), 0)}
}

func (s *IDSource) Next(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ms := min(ulid.Timestamp(now), ulid.MaxTime())
	for s.entropy.MonotonicRead(ms, s.scratch[6:]) != nil { // 2^80 IDs in one millisecond
		ms++
	}
	_ = s.scratch.SetTime(ms) // in range: see above
	return s.scratch.String()
}

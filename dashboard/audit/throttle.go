package audit

import (
	"fmt"
	"sync"
	"time"
)

const (
	sameEvery   = time.Minute // the same refusal is noted once within it
	noticedMost = 600         // refusals that are noted within it
)

// Throttle bounds what is noted of refusals, which cost a stranger nothing. The zero value is ready.
type Throttle struct {
	mu      sync.Mutex
	begun   time.Time
	seen    map[Entry]int
	dropped int
}

// Note reports whether an entry is to be noted, and returns it with how many were not since the last minute.
func (t *Throttle) Note(e Entry, now time.Time) (Entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dropped := 0
	if t.seen == nil || now.Sub(t.begun) >= sameEvery {
		t.begun, t.seen, dropped, t.dropped = now, map[Entry]int{}, t.dropped, 0
	}
	if t.seen[e] > 0 || len(t.seen) >= noticedMost {
		t.dropped++
		return e, false
	}
	t.seen[e]++
	if dropped > 0 {
		e.Detail = fmt.Sprintf("%s (%d like it or others were not noted in the minute before)", e.Detail, dropped)
	}
	return e, true
}

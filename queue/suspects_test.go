package queue

import (
	"testing"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func suspectPlaces(w *Worker) [2]int64 { return [2]int64{1 - w.fresh.Load(), 1 - w.primes.Load()} }

// A prime suspect that has run for a while leaves its place to another, but a last chance waits until none is held.
func TestAPrimeSuspectLeavesItsPlace(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := &task{ses: e.session, suspicion: wire.PrimeSuspect}
	for _, step := range []struct {
		name string
		do   func()
		want [2]int64
	}{
		{"before", func() {}, [2]int64{1, 1}},
		{"held", func() { e.w.holdSuspect(s) }, [2]int64{0, 0}},
		{"ran for a while", s.letOthersBegin, [2]int64{1, 0}},
		{"and for another", s.letOthersBegin, [2]int64{1, 0}},
		{"ended", func() { e.letGoOfSuspect(s) }, [2]int64{1, 1}},
		{"late timer", s.letOthersBegin, [2]int64{1, 1}},
	} {
		step.do()
		if got := suspectPlaces(e.w); got != step.want {
			t.Errorf("%s: places for %v, want %v", step.name, got, step.want)
		}
	}
}

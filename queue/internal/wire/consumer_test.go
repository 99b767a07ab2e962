package wire_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func FuzzConsumerNamesComeApart(f *testing.F) {
	for _, worker := range []string{"w", "host-1", "a#b", "#", "日本"} {
		f.Add(worker)
	}
	f.Fuzz(func(t *testing.T, worker string) {
		if wire.ValidateWorker(worker) != nil {
			_, _ = wire.SplitConsumer(worker) // of any text
			return
		}
		consumer := wire.NewConsumer(worker)
		if got, ok := wire.SplitConsumer(consumer); !ok || got != worker || wire.IsParking(consumer) {
			t.Errorf("%q came apart as %q, %t", consumer, got, ok)
		}
		if consumer == wire.NewConsumer(worker) {
			t.Errorf("two sessions are %q", consumer)
		}
	})
}

func TestConsumersOfOtherProgramsAreTheirOwnWorkers(t *testing.T) {
	t.Parallel()
	for _, consumer := range []string{"", "#abcdef", "w", "w#abc", "w#abcdefg", wire.ParkOrphans, wire.ParkReleased} {
		if worker, ok := wire.SplitConsumer(consumer); ok || worker != consumer {
			t.Errorf("%q came apart as %q, %t", consumer, worker, ok)
		}
	}
	old := wire.ReadRegistration("host-1#abcdef", map[string]string{"pid": "7", "stuck": "1-1 2-1", "slots": "x"})
	if old.Worker != "host-1" || old.PID != 7 || old.Slots != 0 ||
		!slices.Equal(old.Stuck, []wire.EntryRef{ref("1-1"), ref("2-1")}) {
		t.Errorf("got %+v", old)
	}
	if r := wire.ReadRegistration("host-1#abcdef", map[string]string{"worker": "other"}); r.Worker != "other" {
		t.Errorf("got %+v", r)
	}
}

func TestWorkersAreNamedSoThatConsumersAreUnambiguous(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"w": true, "a~b": true, "host.example:1": true, strings.Repeat("x", wire.MaxNameLen): true,
		"": false, "~w": false, "a#b": false, "a b": false, "a\x7f": false, strings.Repeat("x", wire.MaxNameLen+1): false,
	} {
		if err := wire.ValidateWorker(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestIDsRiseWithinAProcess(t *testing.T) {
	t.Parallel()
	ids := wire.NewIDSource()
	for _, now := range []time.Time{time.UnixMilli(0), time.UnixMilli(1 << 40), time.UnixMilli(1<<48 - 1)} {
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[string]bool{}
		for range 8 {
			wg.Go(func() {
				last := ""
				for range 500 {
					id := ids.Next(now)
					if id <= last {
						t.Errorf("%s follows %s", id, last)
					}
					last = id
					mu.Lock()
					seen[id] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != 4000 {
			t.Errorf("%d different IDs of 4000", len(seen))
		}
	}
}

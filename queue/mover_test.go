package queue_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// acknowledgements is how many calls of XACK the server has had, those of scripts included.
func (f *fleet) acknowledgements() int {
	f.Helper()
	text, err := f.rdb.Info(f.Context(), "commandstats").Result()
	f.must(err)
	found := regexp.MustCompile(`cmdstat_xack:calls=(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	calls, err := strconv.Atoi(found[1])
	f.must(err)
	return calls
}

func TestOutcomesOfManySlotsTravelTogether(t *testing.T) {
	t.Parallel()
	const slots, hour = 200, time.Hour
	for name, c := range map[string]struct {
		end    error
		opts   []queue.HandleOption
		event  queue.EventType
		inZset string
	}{
		"failed":   {errors.New("x"), []queue.HandleOption{queue.Backoff(hour, hour)}, queue.EventFailed, ":retrying"},
		"snoozed":  {queue.Snooze(hour), nil, queue.EventSnoozed, ":delayed"},
		"retained": {nil, []queue.HandleOption{queue.Retain(hour)}, queue.EventDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t))
			b := newBlocker()
			for range slots {
				f.enqueue("k", `{}`)
			}
			f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
				b.began <- run
				<-b.free
				return c.end
			}, c.opts...), func(w *queue.WorkerConfig) { w.Concurrency = slots })
			for range slots {
				receive(t, b.began)
			}
			before := f.acknowledgements()
			close(b.free)
			f.await(c.event, slots)
			if calls := f.acknowledgements() - before; calls > slots/2 {
				t.Errorf("%d calls for %d jobs", calls, slots)
			}
			f.eventually("none is in flight", func() bool { return f.info().InFlight == 0 })
			if c.inZset != "" {
				if n := f.rdb.ZCard(t.Context(), f.stream()+c.inZset).Val(); n != slots {
					t.Errorf("%d jobs of %d are put off", n, slots)
				}
			}
		})
	}
}

// Jobs whose outcomes are being recorded are the session's still: a look for entries that never arrived takes none of
// them, and a stop awaits them.
func TestAStopAwaitsOutcomesWithoutASlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const jobs = 300
	for n := range jobs {
		f.enqueue("k", fmt.Sprintf(`{"n":%d}`, n))
	}
	w := f.start(muxOf("k", noop, queue.Retain(time.Hour)))
	f.await(queue.EventStarted, jobs)
	f.must(w.Stop(t.Context()))
	if done := len(f.events.of(queue.EventDone)); done != jobs {
		t.Errorf("%d of %d are done", done, jobs)
	}
	f.empty()
}

package queue

import (
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// suspects makes tasks of an engine's session, one crash away from dead.
func suspects(e *engine, n int) []*task {
	tasks := make([]*task, n)
	for i := range tasks {
		tasks[i] = &task{ses: e.session, suspicion: wire.LastChance, heldSince: monotonic()}
	}
	return tasks
}

func plain(e *engine, n int) []*task {
	tasks := make([]*task, n)
	for i := range tasks {
		tasks[i] = &task{ses: e.session, heldSince: monotonic()}
	}
	return tasks
}

// take is what a slot does when it looks for a job, without waiting for one.
func (d *dispatcher) takeNow() *task {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.pickSuspect()
	if t == nil && !d.isolating() {
		t = d.pick()
	}
	if t != nil {
		d.busy++
	}
	return t
}

func (d *dispatcher) end(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alone == t {
		d.alone = nil
	}
	d.busy--
	d.wakeReaders()
}

func TestASuspectRunsAlone(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	d := e.w.dispatcher
	others := plain(e, 3)
	d.push(e.buffer, others[:2])
	first, second := d.takeNow(), d.takeNow()
	suspect := suspects(e, 1)[0]
	d.pushFirst(e.buffer, []*task{suspect})
	d.push(e.buffer, others[2:])
	for _, running := range []*task{first, second} {
		if got := d.takeNow(); got != nil {
			t.Fatalf("%v begins while a suspect waits for others", got == suspect)
		}
		d.end(running)
	}
	if got := d.takeNow(); got != suspect {
		t.Fatal("the suspect does not begin when nothing runs")
	}
	if d.takeNow() != nil {
		t.Error("another begins beside the suspect")
	}
	reserved := make(chan int)
	go func() {
		n, _ := d.reserve(e.buffer)
		reserved <- n
	}()
	select {
	case <-reserved:
		t.Error("something is read while the suspect runs")
	case <-time.After(20 * time.Millisecond):
	}
	d.end(suspect)
	if got := d.takeNow(); got != others[2] {
		t.Error("the next does not begin when the suspect has ended")
	}
	if n := <-reserved; n == 0 {
		t.Error("nothing is read when the suspect has ended")
	}
}

func TestASuspectDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	d := e.w.dispatcher
	d.push(e.buffer, plain(e, 2))
	d.takeNow()
	suspect := suspects(e, 1)[0]
	suspect.heldSince -= int64(drainPatience)
	d.pushFirst(e.buffer, []*task{suspect})
	if d.takeNow() != suspect {
		t.Fatal("it does not begin although it has waited long enough")
	}
	d.endAlone(suspect)
	if d.takeNow() == nil {
		t.Error("nothing begins beside it although it has run for long")
	}
}

func TestSuspectsAreHandedBack(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(2)
	tasks[0].suspicion = wire.LastChance
	e.w.dispatcher.busy++ // another job runs
	e.track(tasks)
	if held := e.heldEntries(); len(held) != 2 {
		t.Errorf("%d are held", len(held))
	}
	e.handBack()
	if got := e.pending()[wire.ParkReleased]; got != 2 || e.w.primes.Load() != 0 {
		t.Errorf("%d were handed back, %d suspects are held", got, e.w.primes.Load())
	}
}

// Parked jobs wait for a slot where another worker can take them, and go before what was read ahead.
func TestParkedJobsAreTakenIntoSlotsAlone(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *WorkerConfig) { c.Concurrency, c.ReadAhead = 3, 100 })
	d := e.w.dispatcher
	read, parked := plain(e, 2), plain(e, 1)
	d.push(e.buffer, read)
	if n := d.reserveSlots(e.buffer); n != 1 {
		t.Errorf("%d slots are free of 3, with 2 jobs held", n)
	}
	d.pushFirst(e.buffer, parked)
	if d.takeNow() != parked[0] {
		t.Error("what was read is before what was parked")
	}
	reserved := make(chan int)
	go func() { reserved <- d.reserveSlots(e.buffer) }()
	eventually(t, "the claim waits", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return e.buffer.claims == 1
	})
	select {
	case n := <-reserved:
		t.Errorf("%d slots are free, of none", n)
	case <-time.After(20 * time.Millisecond):
	}
	d.end(parked[0])
	if n := <-reserved; n != 1 {
		t.Errorf("%d slots are free, of one", n)
	}
}

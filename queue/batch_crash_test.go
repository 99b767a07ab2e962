package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestLostLeaseEndsABatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	f.enqueueEvents(strings.Fields(strings.Repeat("e ", 20))...)
	f.start(batchMux(b.handle, queue.BatchOf(20)))
	first := receive(t, b.came)
	worker := first[0].Worker
	f.must(f.rdb.Del(t.Context(), f.stream()+":worker:"+worker).Err()) // as a caretaker does first
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: worker}).Err())
	if cause := receive(t, b.ended); !errors.Is(cause, queue.ErrLeaseLost) {
		t.Errorf("the batch's context ended with %v", cause)
	}
	close(b.outcome)
	f.empty()
	for again := 0; again < 20; {
		for _, job := range receive(t, b.came) {
			again++
			if job.Worker == worker || job.Attempt != 1 || job.Redelivered != 1 {
				t.Errorf("got %+v", job.Run)
			}
		}
	}
	if totals := f.info().Totals; totals.Done != 20 || totals.Retried != 0 {
		t.Errorf("totals %+v", totals)
	}
}

// After its connections broke a worker looks for entries whose delivery it never saw. Those in a batch it has.
func TestABatchIsNotAdoptedTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	f.enqueueEvents(strings.Fields(strings.Repeat("e ", 20))...)
	f.start(batchMux(b.handle, queue.BatchOf(20), queue.BatchWithin(time.Second)))
	running := receive(t, b.came)
	f.enqueueEvents("a", "b", "c")
	f.eventually("a second batch gathers", func() bool { return f.info().InFlight == 23 })
	name := running[0].Worker[:strings.Index(running[0].Worker, "#")]
	for _, client := range strings.Split(f.rdb.ClientList(t.Context()).Val(), "\n") {
		if strings.Contains(client, "name="+name) || strings.Contains(client, "cmd=xreadgroup") {
			id := strings.TrimPrefix(strings.Fields(client)[0], "id=")
			_ = f.rdb.ClientKillByFilter(t.Context(), "ID", id).Err()
		}
	}
	if gathered := receive(t, b.came); len(gathered) != 3 {
		t.Errorf("the second batch has %d jobs", len(gathered))
	}
	f.enqueueEvents("last")
	if last := receive(t, b.came); len(last) != 1 || last[0].Args.Name != "last" {
		t.Errorf("the third batch: %d jobs, the first %+v", len(last), last[0].Args)
	}
	close(b.outcome)
	f.empty()
	if started := len(f.events.of(queue.EventStarted)); started != 24 {
		t.Errorf("%d starts of 24 jobs", started)
	}
}

func TestKilledWorkersBatchRunsElsewhere(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const lease = time.Second
	f.enqueueEvents(strings.Fields(strings.Repeat("hold ", 50))...)
	victim := f.process(processConfig{Slots: 2, Lease: lease})
	victim.started(50)
	b := newBatches()
	close(b.outcome)
	f.start(batchMux(b.handle), func(c *queue.WorkerConfig) { c.Lease = lease })
	_ = victim.cmd.Process.Kill()
	for _, e := range f.await(queue.EventDone, 50) {
		if e.Attempt != 1 || e.Redelivered != 1 {
			t.Errorf("attempt %d, redelivered %d", e.Attempt, e.Redelivered)
		}
	}
	f.empty()
}

// One job kills its worker. It is dead in the end, alone; all the others of its batches are done.
func TestPoisonInABatchIsIsolated(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	names := strings.Fields(strings.Repeat("fine ", 120))
	names[30] = "exit"
	f.enqueueEvents(names...)
	runs := 0
	f.eventually("the poison is dead and the rest done", func() bool {
		runs++
		p := f.process(processConfig{Slots: 3, Lease: 500 * time.Millisecond, Name: fmt.Sprintf("run%d", runs)})
		f.eventually("it died, or all is settled", func() bool {
			select {
			case <-p.ended:
				return true
			default:
				i := f.info()
				return i.Waiting+i.InFlight == 0 && i.Dead+i.Totals.Done == 120
			}
		})
		i := f.info()
		return i.Waiting+i.InFlight == 0
	})
	info := f.info()
	if info.Dead != 1 || info.Totals.Done != 119 || runs > 4 {
		t.Errorf("%d dead, %d done after %d runs", info.Dead, info.Totals.Done, runs)
	}
	dead, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead}, inspect.Page{})
	f.must(err)
	if dead.Jobs[0].Reason != inspect.ReasonCrashed || !strings.Contains(string(dead.Jobs[0].Data), "exit") {
		t.Errorf("got %+v", dead.Jobs[0])
	}
}

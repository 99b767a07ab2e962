package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// eachQueue enqueues a job to each of n queues, but for some, and waits until all jobs so far are done.
func (f *fleet) eachQueue(n int, but ...int) {
	f.Helper()
	for i := range n {
		if !slices.Contains(but, i) {
			_, err := f.client.Enqueue(f.Context(), queue.JSON("k", []byte(`{}`)), queue.On(fmt.Sprintf("q%d", i)))
			f.must(err)
		}
	}
	f.sent += n - len(but)
	f.await(queue.EventDone, f.sent)
}

func TestQueuesThatShareAReadGetTheirJobs(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.eachEnqueued(40) // a backlog that the first read finds
	f.start(muxOf("k", noop), many(40))
	f.await(queue.EventDone, 40)
	for range 3 {
		f.eachQueue(40)
	}
	consumers := map[string]bool{}
	for _, e := range f.events.of(queue.EventWorkerJoined) {
		consumers[e.Worker] = true
	}
	if len(consumers) != 1 {
		t.Errorf("the queues have %d consumer names: %v", len(consumers), consumers)
	}
	for _, e := range f.events.all() {
		if e.Type == queue.EventReleased || e.Type == queue.EventReclaimed || e.Type == queue.EventRedisError {
			t.Errorf("%+v", e)
		}
	}
}

// Redis puts what waits in all queues of a read into one reply: a backlog of large jobs in many of them must not be
// more than a connection, or the worker's memory, can take.
func TestAWorkerOfManyQueuesReadsLargeJobsAFewAtATime(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--client-output-buffer-limit", "normal 16mb 0 0"))
	large, err := json.Marshal(strings.Repeat("x", 900<<10))
	f.must(err)
	const queues = 40
	for i := range queues {
		_, err := f.client.Enqueue(t.Context(), queue.JSON("k", large), queue.On(fmt.Sprintf("q%d", i)))
		f.must(err)
	}
	f.start(muxOf("k", noop), many(queues))
	f.await(queue.EventDone, queues)
	for _, e := range f.events.all() {
		if e.Type == queue.EventRedisError {
			t.Errorf("a reply was lost: %v", e.Err)
		}
	}
}

// eachEnqueued enqueues a job to each of n queues.
func (f *fleet) eachEnqueued(n int) {
	f.Helper()
	for i := range n {
		_, err := f.client.Enqueue(f.Context(), queue.JSON("k", []byte(`{}`)), queue.On(fmt.Sprintf("q%d", i)))
		f.must(err)
	}
	f.sent += n
}

// A queue whose stream is gone or of another type is taken out of the read, and the others go on.
func TestAFaultyQueueStopsNoOtherOfItsRead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop), many(30))
	f.eachQueue(30)
	stream := func(i int) string { return fmt.Sprintf("%s:{q%d}", f.namespace, i) }
	f.must(f.rdb.Del(t.Context(), stream(5)).Err())
	f.eachQueue(30) // the deleted one is made again
	f.must(f.rdb.Del(t.Context(), stream(3)).Err())
	f.must(f.rdb.Set(t.Context(), stream(3), "x", 0).Err())
	for range 3 {
		f.eachQueue(30, 3)
	}
	f.eventually("the fault is reported", func() bool {
		return slices.ContainsFunc(f.events.of(queue.EventRedisError), func(e queue.Event) bool {
			return strings.Contains(e.Err.Error(), "WRONGTYPE") && e.Queue == "q3"
		})
	})
	for _, e := range f.events.of(queue.EventRedisError) {
		if e.Queue != "q3" && e.Queue != "q5" {
			t.Errorf("%s of another queue: %v", e.Queue, e.Err)
		}
	}
	f.must(f.rdb.Del(t.Context(), stream(3)).Err())
	f.eachQueue(30)
}

// A worker whose connections are refused goes on with those that it has.
func TestAWorkerServesAllQueuesWithFewConnections(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.start(muxOf("k", noop), many(20))
	f.eachQueue(20)
	list, err := f.rdb.ClientList(t.Context()).Result()
	f.must(err)
	f.must(f.rdb.ConfigSet(t.Context(), "maxclients", strconv.Itoa(strings.Count(list, "\n")/2)).Err())
	for line := range strings.Lines(list) {
		if strings.Contains(line, " cmd=xreadgroup ") {
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			f.must(f.rdb.Do(t.Context(), "CLIENT", "KILL", "ID", id).Err())
		}
	}
	for range 2 {
		f.eachQueue(20)
	}
	f.eventually("it is reported", func() bool {
		return slices.ContainsFunc(f.events.of(queue.EventRedisError), func(e queue.Event) bool {
			return strings.Contains(e.Err.Error(), "no connection to wait for jobs")
		})
	})
	if lost := f.events.of(queue.EventLeaseLost); len(lost) > 0 {
		t.Errorf("%d leases were lost", len(lost))
	}
	f.must(f.rdb.ConfigSet(t.Context(), "maxclients", "10000").Err())
	f.eachQueue(20)
}

// Of jobs that are due soon the caretaker is notified: none starts early, and it does not look for them all the time.
func TestDelayedJobsStartOnTimeWithoutALoopThatLooks(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	late := make(chan time.Duration, 1000)
	hook := &spy{}
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	rdb.AddHook(hook)
	t.Cleanup(func() { _ = rdb.Close() })
	f.startOn(rdb, muxOf("k", func(_ context.Context, run *queue.Run) error {
		var due time.Time
		if err := json.Unmarshal(run.Data, &due); err != nil {
			return err
		}
		late <- time.Since(due)
		return nil
	}))
	f.await(queue.EventCaretakerTaken, 1)
	const jobs = 30
	var all []time.Duration
	for i := range jobs {
		due := time.Now().Add(time.Duration(20+i) * time.Millisecond)
		data, err := json.Marshal(due)
		f.must(err)
		f.enqueue("k", string(data), queue.At(due)) // each before the heartbeat that would find it
		all = append(all, receive(t, late))
	}
	slices.Sort(all)
	t.Logf("late: median %s, most %s", all[jobs/2], all[jobs-1])
	if all[0] < -time.Millisecond {
		t.Errorf("one started %s early", -all[0])
	}
	if all[jobs/2] > 100*time.Millisecond {
		t.Errorf("the median is %s late", all[jobs/2])
	}
}

package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// fillLane enqueues so many jobs of a kind named after their lane.
func (f *fleet) fillLane(lane queue.Lane, jobs int) {
	f.Helper()
	items := make([]queue.Item, jobs)
	for i := range items {
		items[i] = queue.Item{Args: queue.JSON(lane.String(), []byte(`{}`)),
			Options: []queue.EnqueueOption{queue.On("orders"), queue.Priority(lane)}}
	}
	for len(items) > 0 {
		n := min(len(items), 10_000)
		_, err := f.client.EnqueueMany(f.Context(), items[:n])
		f.must(err)
		items = items[n:]
	}
}

// laneMux runs the jobs of all lanes by one handler.
func laneMux(handle queue.Handler) *queue.Mux {
	mux := queue.NewMux()
	for _, lane := range []queue.Lane{queue.High, queue.Normal, queue.Low} {
		mux.HandleKind(lane.String(), handle)
	}
	return mux
}

// Behind a backlog of others a late job of the lane high starts with the first slot that becomes free: also where jobs
// are slow, and none is read ahead.
func TestALateHighJobOvertakesABacklog(t *testing.T) {
	t.Parallel()
	for name, lanes := range map[string]*queue.Lanes{"by weight": {}, "strict": {Strict: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.fillLane(queue.Normal, 100_000)
			began := make(chan string, 1000)
			f.start(laneMux(func(ctx context.Context, run *queue.Run) error {
				began <- run.Kind
				select {
				case <-time.After(30 * time.Millisecond):
				case <-ctx.Done():
				}
				return nil
			}), func(cfg *queue.WorkerConfig) {
				cfg.Concurrency, cfg.Observer = 1, nil
				cfg.Queues = map[string]queue.QueueConfig{"orders": {Lanes: lanes}}
			})
			for range 5 {
				receive(t, began)
			}
			for range 20 {
				f.fillLane(queue.High, 1) // while a job runs
				if kind := receive(t, began); kind != "high" {
					t.Fatalf("a %s job started in the slot that became free", kind)
				}
				if kind := receive(t, began); kind != "normal" {
					t.Fatalf("a %s job started, and there is none", kind)
				}
			}
		})
	}
}

// With the first job of a priority a worker that runs comes to know the queue's lanes.
func TestAWorkerLearnsOfLanesByAHeartbeat(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	f.start(laneMux(b.handle))
	f.fillLane(queue.Normal, 1)
	receive(t, b.began)
	if n := f.rdb.Exists(t.Context(), f.stream()+":lane:high", f.stream()+":lane:low").Val(); n != 0 {
		t.Errorf("a queue without priorities has %d lanes", n)
	}
	f.fillLane(queue.Low, 1)
	if run := receive(t, b.began); run.Kind != "low" {
		t.Errorf("a %s job began", run.Kind)
	}
	close(b.free)
	f.empty()
}

// While there are jobs in a lane before it, no job of a lane starts where the order is strict.
func TestStrictLanes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, lane := range []queue.Lane{queue.Low, queue.Normal, queue.High} {
		f.fillLane(lane, 500)
	}
	began := make(chan string, 1500)
	f.start(laneMux(func(_ context.Context, run *queue.Run) error {
		began <- run.Kind
		return nil
	}), func(cfg *queue.WorkerConfig) {
		cfg.Concurrency, cfg.Observer = 1, nil
		cfg.Queues = map[string]queue.QueueConfig{"orders": {Lanes: &queue.Lanes{Strict: true}}}
	})
	starts := make([]string, 1500)
	for n := range starts {
		starts[n] = receive(t, began)
	}
	for _, c := range []struct {
		lane   string
		others []string
	}{{"high", []string{"normal", "low"}}, {"normal", []string{"low"}}} {
		first, between := slices.Index(starts, c.lane), 0
		last := len(starts)
		for last > 0 && starts[last-1] != c.lane {
			last--
		}
		for _, kind := range starts[first:last] {
			if slices.Contains(c.others, kind) {
				between++
			}
		}
		if between > 0 {
			t.Errorf("%d jobs of %v started between those of the lane %s", between, c.others, c.lane)
		}
	}
}

// laneStarts counts the starts of each lane, from when the lane high has had a quarter of so many until it has had all.
type laneStarts struct {
	mu    sync.Mutex
	count map[string]int
	high  int
	until int
	ended chan struct{}
}

func (s *laneStarts) add(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return
	default:
	}
	if s.count[kind]++; kind != "high" {
		return
	}
	switch s.high++; s.high {
	case s.until / 4:
		clear(s.count)
	case s.until:
		close(s.ended)
	}
}

func TestLanesShareTheStartsByWeight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes time.Duration
		slots int
		until int
	}{"1 ms": {time.Millisecond, 10, 8000}, "long, on many slots": {60 * time.Millisecond, 50, 800}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			s := &laneStarts{count: map[string]int{}, until: c.until, ended: make(chan struct{})}
			for _, lane := range []queue.Lane{queue.High, queue.Normal, queue.Low} {
				f.fillLane(lane, 2*c.until)
			}
			f.start(laneMux(func(ctx context.Context, run *queue.Run) error {
				s.add(run.Kind)
				select {
				case <-time.After(c.takes):
				case <-ctx.Done():
				}
				return nil
			}), func(cfg *queue.WorkerConfig) {
				cfg.Concurrency, cfg.Observer = c.slots, nil
				cfg.Queues = map[string]queue.QueueConfig{"orders": {Lanes: &queue.Lanes{}}}
			})
			receive(t, s.ended)
			for lane, share := range map[string]float64{"normal": 5. / 20, "low": 1. / 20} {
				got := float64(s.count[lane]) / float64(s.count["high"])
				if t.Logf("%s: %.3f of the starts of high, want %.3f", lane, got, share); math.Abs(got-share) > share/10+0.01 {
					t.Errorf("%s: %.3f of the starts of high, want %.3f", lane, got, share)
				}
			}
		})
	}
}

func TestAJobStaysInItsLane(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ran := make(chan string, 10)
	f.start(laneMux(func(ctx context.Context, run *queue.Run) error {
		job, err := f.inspect.Job(ctx, "orders", run.ID)
		ran <- fmt.Sprintf("%s in %q, %v", job.State, job.Priority, err)
		return errors.New("not yet")
	}))
	for _, lane := range []queue.Lane{queue.High, queue.Low} {
		job, err := f.client.Enqueue(t.Context(), queue.JSON(lane.String(), []byte(`{}`)), queue.On("orders"),
			queue.Priority(lane), queue.In(time.Millisecond), queue.MaxAttempts(2),
			queue.Backoff(time.Millisecond, time.Millisecond))
		f.must(err)
		want := fmt.Sprintf("in_flight in %q, <nil>", lane)
		for _, how := range []string{"promoted", "retried"} {
			if got := receive(t, ran); got != want {
				t.Errorf("%s: %s, want %s", how, got, want)
			}
		}
		f.eventually("it is dead", func() bool {
			dead, err := f.inspect.Job(t.Context(), "orders", job.ID)
			return err == nil && dead.State == inspect.StateDead && dead.Priority == lane.String()
		})
		f.must(f.inspect.Requeue(t.Context(), "orders", job.ID))
		for _, how := range []string{"requeued", "retried again"} {
			if got := receive(t, ran); got != want {
				t.Errorf("%s: %s, want %s", how, got, want)
			}
		}
	}
}

func TestJobsOfAllLanesSurviveAKilledWorker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, lane := range []queue.Lane{queue.High, queue.Normal, queue.Low} {
		items := make([]queue.Item, 20)
		for i := range items {
			items[i] = queue.Item{Args: queue.JSON("hold", []byte(`{}`)),
				Options: []queue.EnqueueOption{queue.On("orders"), queue.Priority(lane)}}
		}
		_, err := f.client.EnqueueMany(t.Context(), items)
		f.must(err)
	}
	victim := f.process(processConfig{Slots: 60, Lease: time.Second})
	victim.started(60)
	if n := f.info().InFlight; n != 60 {
		t.Fatalf("%d jobs are in flight", n)
	}
	victim.signal(syscall.SIGKILL)
	f.start(muxOf("hold", noop), func(c *queue.WorkerConfig) { c.Concurrency, c.Lease = 60, time.Second })
	ran := map[string]int{}
	for _, e := range f.await(queue.EventStarted, 60) {
		ran[e.Job]++
	}
	if len(ran) != 60 {
		t.Errorf("%d jobs ran again", len(ran))
	}
	f.empty()
	if audit := f.verify(); !audit.OK() {
		t.Errorf("not in order: %+v", audit)
	}
}

// A person sees the lanes as one queue, and what is done to a job is done in its lane.
func TestAPersonSeesLanesAsOneQueue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, lane := range []queue.Lane{queue.High, queue.Normal, queue.Low} {
		f.fillLane(lane, 3)
	}
	// a raw producer
	f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream() + ":lane:low", Values: []string{
		"id", "mine", "kind", "low", "data", "{}"}}).Err())
	if info := f.info(); info.Waiting != 10 {
		t.Errorf("%d wait", info.Waiting)
	}
	var order []string
	var jobs []inspect.JobInfo
	for page := (inspect.Page{Limit: 2}); ; {
		found, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, page)
		f.must(err)
		for _, job := range found.Jobs {
			order, jobs = append(order, job.Priority), append(jobs, job)
		}
		if page.Cursor = found.Next; page.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(order) != "[high high high    low low low low]" {
		t.Errorf("listed %q", order)
	}
	for _, job := range jobs[:9] {
		found, err := f.inspect.Job(t.Context(), "orders", job.ID)
		if err != nil || found.Priority != job.Priority || found.Entry != job.Entry {
			t.Errorf("job %s of %s: %+v, %v", job.ID, job.Priority, found, err)
		}
	}
	f.must(f.inspect.Cancel(t.Context(), "orders", jobs[0].ID))
	f.must(f.inspect.Delete(t.Context(), "orders", jobs[1].ID))
	f.must(f.inspect.Bury(t.Context(), "orders", jobs[8].ID))
	f.must(f.inspect.Requeue(t.Context(), "orders", jobs[8].ID))
	if job, err := f.inspect.Job(t.Context(), "orders", jobs[8].ID); err != nil || job.Priority != "low" {
		t.Errorf("requeued: %+v, %v", job, err)
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("not in order: %+v", audit)
	}
	if n, err := f.inspect.Purge(t.Context(), "orders", inspect.StateWaiting, nil); n != 8 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	f.must(f.inspect.Delete(t.Context(), "orders", jobs[0].ID))
	f.must(f.inspect.Forget(t.Context(), "orders"))
	if keys := f.rdb.Keys(t.Context(), f.stream()+":lane:*").Val(); len(keys) > 0 {
		t.Errorf("left: %v", keys)
	}
}

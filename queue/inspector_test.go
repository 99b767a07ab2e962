package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// inEveryState fills a queue with n jobs of each state, and n that are done and kept. It returns their IDs.
func inEveryState(f *fleet, n int) map[inspect.State][]string {
	f.Helper()
	b := newBlocker()
	mux := muxOf("block", b.handle)
	mux.HandleKind("retry", func(_ context.Context, run *queue.Run) error {
		return queue.RetryIn(time.Hour, errors.New("busy"))
	})
	mux.HandleKind("cancel", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("declined")) })
	mux.HandleKind("keep", func(_ context.Context, run *queue.Run) error { return run.SetResult(run.ID) },
		queue.Retain(time.Hour))
	ids := map[inspect.State][]string{}
	enqueue := func(state inspect.State, kind string, opts ...queue.EnqueueOption) {
		for i := range n {
			job := f.enqueue(kind, fmt.Sprintf(`{"n":%d}`, i), opts...)
			ids[state] = append(ids[state], job.ID)
		}
	}
	enqueue(inspect.StateExpired, "block", queue.ExpiresIn(time.Millisecond))
	f.late(ids[inspect.StateExpired][n-1])
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = n, -1 })
	f.Cleanup(func() { close(b.free) })
	f.await(queue.EventExpired, n)
	enqueue(inspect.StateCancelled, "block", queue.In(time.Hour))
	for _, id := range ids[inspect.StateCancelled] {
		f.must(f.inspect.Cancel(f.Context(), "orders", id))
	}
	enqueue(inspect.StateRetrying, "retry")
	enqueue(inspect.StateDead, "cancel")
	enqueue(inspect.StateDone, "keep")
	f.await(queue.EventFailed, n)
	f.await(queue.EventDead, n)
	f.await(queue.EventDone, n)
	enqueue(inspect.StateInFlight, "block")
	for range n {
		receive(f.T, b.began)
	}
	enqueue(inspect.StateWaiting, "block") // every slot is taken
	enqueue(inspect.StateDelayed, "block", queue.At(time.Now().Add(time.Hour)))
	return ids
}

// listed lists the states whose jobs can be listed.
func listed() []inspect.State {
	return slices.DeleteFunc(inspect.States(), func(s inspect.State) bool { return !s.Listed() })
}

// walk lists a state page by page.
func (f *fleet) walk(state inspect.State, limit int) (jobs []inspect.JobInfo) {
	f.Helper()
	for page := (inspect.Page{Limit: limit}); ; {
		got, err := f.inspect.Search(f.Context(), "orders", inspect.Query{State: state}, page)
		f.must(err)
		if len(got.Jobs) > limit || len(got.Jobs) < limit && got.Next != "" {
			f.Fatalf("a page of %s has %d jobs and the cursor %q, the limit is %d", state, len(got.Jobs), got.Next, limit)
		}
		jobs = append(jobs, got.Jobs...)
		if page.Cursor = got.Next; got.Next == "" {
			return jobs
		}
	}
}

func TestEveryStateIsCountedListedAndFound(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 7
	ids := inEveryState(f, n)
	info := f.info()
	if info.Waiting != n || info.InFlight != n || info.Delayed != n || info.Retrying != n || info.Dead != n ||
		info.Cancelled != n || info.Expired != n || info.Workers != 1 {
		t.Errorf("got %+v", info)
	}
	if info.Name != "orders" || info.Stream != f.stream() || info.Group != wire.DefaultGroup || info.Raw {
		t.Errorf("got %+v", info)
	}
	if got := info.Totals; got.Done != n || got.Retried != n || got.Dead != n ||
		got.Promoted+got.Requeued+got.Deleted+got.Snoozed != 0 {
		t.Errorf("got %+v", got)
	}
	for _, state := range listed() {
		for _, limit := range []int{1, 2, 3, n, n + 1} {
			seen := map[string]int{}
			for _, job := range f.walk(state, limit) {
				seen[job.ID]++
				if job.State != state || job.Queue != "orders" {
					t.Errorf("%s: got %+v", state, job)
				}
			}
			for _, id := range ids[state] {
				if seen[id] != 1 {
					t.Errorf("%s, %d on a page: %s was listed %d times", state, limit, id, seen[id])
				}
			}
			if len(seen) != n {
				t.Errorf("%s, %d on a page: %d jobs listed, want %d", state, limit, len(seen), n)
			}
		}
	}
	for state, all := range ids {
		for i, id := range all {
			f.checkFound(state, id, i)
		}
	}
}

// checkFound looks a job up by its ID and, where it has one, by its entry's.
func (f *fleet) checkFound(state inspect.State, id string, n int) {
	f.Helper()
	job, err := f.inspect.Job(f.Context(), "orders", id)
	f.must(err)
	if job.ID != id || job.State != state || string(job.Data) != fmt.Sprintf(`{"n":%d}`, n) || job.EnqueuedAt == nil {
		f.Errorf("%s: got %+v", state, job)
	}
	ok := map[inspect.State]bool{
		inspect.StateWaiting:  job.Entry != "" && job.Worker == "",
		inspect.StateInFlight: job.Entry != "" && job.Worker != "" && job.Deliveries == 1 && job.Redelivered == 0,
		inspect.StateDelayed:  job.Due != nil && time.Until(*job.Due) > 50*time.Minute && job.Attempt == 0,
		inspect.StateRetrying: job.Due != nil && time.Until(*job.Due) > 50*time.Minute && job.Attempt == 1 &&
			job.Error == "busy",
		inspect.StateDead: job.Reason == inspect.ReasonCancelled && job.Error == "declined" && job.EndedAt != nil &&
			job.Attempt == 1,
		inspect.StateCancelled: job.Reason == inspect.ReasonByPerson && job.EndedAt != nil && job.Attempt == 0,
		inspect.StateExpired:   job.Reason == inspect.ReasonExpired && job.EndedAt != nil && job.Attempt == 0,
		inspect.StateDone: string(job.Result) == `"`+id+`"` && job.EndedAt != nil && job.Worker != "" &&
			job.Attempt == 1,
	}
	if !ok[state] {
		f.Errorf("%s: got %+v", state, job)
	}
	if job.Entry == "" {
		return
	}
	entry := job.Entry
	if slices.Contains([]inspect.State{inspect.StateDead, inspect.StateCancelled, inspect.StateExpired}, state) {
		// the stream may have one of that ID
		entry = string(state) + ":" + entry
	}
	if byEntry, err := f.inspect.Job(f.Context(), "orders", entry); err != nil || byEntry.ID != id {
		f.Errorf("%s: by its entry %s: %+v, %v", state, entry, byEntry, err)
	}
}

// Each stream counts for itself, so an entry where jobs wait and one of a dead job may have the same ID. Whoever looks
// or acts means the job that waits.
func TestAnEntryIDIsThatOfTheStream(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"dead", "cancelled:jobs"} {
		f := newFleetOn(t, redistest.Shared(t))
		waits := f.enqueue("k", `{}`).ID
		entry := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Val()[0].ID
		index, kept := map[string]string{"dead": "dead:ids", "cancelled:jobs": "cancelled:ids"}[stream], f.stream()+":"+stream
		f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: kept, ID: entry, Values: []string{
			"id", "other", "kind", "k", "data", "{}", "reason", inspect.ReasonByPerson,
		}}).Err())
		f.must(f.rdb.HSet(t.Context(), f.stream()+":"+index, "other", entry).Err())
		for name, want := range map[string]string{
			entry: waits, "other": "other", strings.TrimSuffix(stream, ":jobs") + ":" + entry: "other",
		} {
			if job, err := f.inspect.Job(t.Context(), "orders", name); err != nil || job.ID != want {
				t.Errorf("%s: of %s: got %s, %v, want %s", stream, name, job.ID, err, want)
			}
		}
		f.must(f.inspect.Delete(t.Context(), "orders", entry))
		if f.rdb.XLen(t.Context(), f.stream()).Val() != 0 || f.rdb.XLen(t.Context(), kept).Val() != 1 {
			t.Errorf("%s: another job was deleted", stream)
		}
		if job, err := f.inspect.Job(t.Context(), "orders", entry); err != nil || job.ID != "other" {
			t.Errorf("%s: alone under that ID: %s, %v", stream, job.ID, err)
		}
	}
}

func TestDelayedWithEqualDueTimesAreListedOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	at := time.Now().Add(time.Hour)
	for range 25 {
		f.enqueue("k", `{}`, queue.At(at))
	}
	seen := map[string]bool{}
	for _, job := range f.walk(inspect.StateDelayed, 4) {
		if seen[job.ID] {
			t.Errorf("%s was listed twice", job.ID)
		}
		seen[job.ID] = true
	}
	if len(seen) != 25 {
		t.Errorf("%d of 25 were listed", len(seen))
	}
}

func TestPageGoesOnBehindAJobThatHasGone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var ids []string
	for n := range 4 {
		ids = append(ids, f.enqueue("k", `{}`, queue.In(time.Hour+time.Duration(n)*time.Second)).ID)
	}
	page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDelayed},
		inspect.Page{Limit: 2})
	f.must(err)
	f.must(f.inspect.Delete(t.Context(), "orders", ids[1])) // where the cursor is
	page, err = f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDelayed},
		inspect.Page{Cursor: page.Next, Limit: 10})
	f.must(err)
	if len(page.Jobs) != 2 || page.Jobs[0].ID != ids[2] || page.Jobs[1].ID != ids[3] || page.Next != "" {
		t.Errorf("got %+v", page)
	}
}

func TestUnknownQueuesAndJobsAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx, in := t.Context(), f.inspect
	calls := func(queueName string) map[string]error {
		_, err := in.Job(ctx, queueName, "nobody")
		errs := map[string]error{
			"job": err, "run now": in.RunNow(ctx, queueName, "nobody"), "requeue": in.Requeue(ctx, queueName, "nobody"),
			"delete": in.Delete(ctx, queueName, "nobody"),
		}
		if queueName == "orders" {
			return errs
		}
		_, errs["queue"] = in.Queue(ctx, queueName)
		_, errs["workers"] = in.Workers(ctx, queueName)
		_, errs["purge"] = in.Purge(ctx, queueName, inspect.StateDead, nil)
		for _, state := range listed() {
			_, errs[string(state)] = in.Search(ctx, queueName, inspect.Query{State: state}, inspect.Page{})
		}
		return errs
	}
	f.enqueue("k", `{}`)
	for _, name := range []string{"orders", "never-used"} {
		for call, err := range calls(name) {
			if !errors.Is(err, inspect.ErrNotFound) || !strings.HasPrefix(err.Error(), "queue: ") {
				t.Errorf("%s of %s: got %v", call, name, err)
			}
		}
	}
	if _, err := in.Queue(ctx, "a b"); err == nil || errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("a name that no queue can have: %v", err)
	}
	if names, err := in.Queues(ctx); err != nil || len(names) != 1 || names[0] != "orders" {
		t.Errorf("looking made queues: %v, %v", names, err)
	}
}

func TestRawQueueIsInspectedUnderItsStreamsName(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + ":shop"
	b := newBlocker()
	f.start(muxOf("order.placed", b.handle), func(c *queue.WorkerConfig) {
		c.Concurrency, c.ReadAhead = 1, -1
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Group: "billing", Kind: "order.placed"}}}
	})
	var ids []string
	for _, order := range []string{"o-1", "o-2"} {
		id, err := f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"order_id", order}}).Result()
		f.must(err)
		ids = append(ids, id)
	}
	receive(t, b.began)
	info, err := f.inspect.Queue(t.Context(), stream)
	f.must(err)
	if !info.Raw || info.Stream != stream || info.Group != "billing" || info.InFlight != 1 || info.Waiting != 1 {
		t.Errorf("got %+v", info)
	}
	for n, state := range []inspect.State{inspect.StateInFlight, inspect.StateWaiting} {
		job, err := f.inspect.Job(t.Context(), stream, ids[n])
		f.must(err)
		if job.State != state || job.Kind != "order.placed" || string(job.Data) != fmt.Sprintf(`{"order_id":"o-%d"}`, n+1) {
			t.Errorf("got %+v", job)
		}
	}
	f.must(f.inspect.Delete(t.Context(), stream, ids[1]))
	close(b.free)
	f.await(queue.EventDone, 1)
	if n := f.rdb.XLen(t.Context(), stream).Val(); n != 0 {
		t.Errorf("%d entries left", n)
	}
}

func TestOldestWaitingIsTheFirstThatWasNotDelivered(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	now := time.Now()
	for _, minutes := range []int{30, 20, 10} {
		id := fmt.Sprintf("%d-0", now.Add(-time.Duration(minutes)*time.Minute).UnixMilli())
		f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), ID: id, Values: []string{"kind", "k"}}).Err())
	}
	insp, err := inspect.New(f.rdb, inspect.Config{Namespace: f.namespace, Now: func() time.Time { return now }})
	f.must(err)
	for delivered, want := range []time.Duration{30 * time.Minute, 20 * time.Minute, 10 * time.Minute, 0} {
		if delivered > 0 {
			f.holdAs("w#aaaaa1", 1)
		}
		info, err := insp.Queue(t.Context(), "orders")
		f.must(err)
		if got := info.OldestWaiting.Round(time.Second); got != want || info.Waiting != int64(3-delivered) {
			t.Errorf("with %d delivered: %s, %d waiting", delivered, got, info.Waiting)
		}
	}
}

func TestWorkersAreListed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	f.enqueue("k", `{}`)
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Name, c.Concurrency = "box-1", 7 })
	t.Cleanup(func() { close(b.free) })
	receive(t, b.began)
	workers, err := f.inspect.Workers(t.Context(), "orders")
	f.must(err)
	if len(workers) != 1 {
		t.Fatalf("got %+v", workers)
	}
	w := workers[0]
	if !strings.HasPrefix(w.Name, "box-1#") || w.Slots != 7 || w.InFlight != 1 || w.PID == 0 || w.LeaseMS <= 0 ||
		w.LeaseMS > 4000 || time.Since(w.Started) > time.Minute {
		t.Errorf("got %+v", w)
	}
	if w.Heartbeat != inspect.HeartbeatAlive {
		t.Errorf("a worker that sends heartbeats is %s", w.Heartbeat)
	}
	for name, heartbeat := range map[string]inspect.Heartbeat{"gone": inspect.HeartbeatGone,
		"late": inspect.HeartbeatLate} {
		now := f.rdb.Time(t.Context()).Val().UnixMilli()
		ends := map[inspect.Heartbeat]int64{inspect.HeartbeatGone: now - 1, inspect.HeartbeatLate: now + 30_000}[heartbeat]
		f.must(f.rdb.HSet(t.Context(), f.stream()+":worker:"+name, "lease_ms", 100_000).Err())
		f.must(f.rdb.ZAdd(t.Context(), f.stream()+":workers", redis.Z{Score: float64(ends), Member: name}).Err())
		workers, err := f.inspect.Workers(t.Context(), "orders")
		f.must(err)
		if k := slices.IndexFunc(workers, func(w inspect.WorkerInfo) bool { return w.Name == name }); k >= 0 &&
			workers[k].Heartbeat != heartbeat {
			t.Errorf("%s is %s", name, workers[k].Heartbeat)
		}
	}
}

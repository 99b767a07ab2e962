package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/queuetest"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestEnqueuerRecordsTheOptions(t *testing.T) {
	t.Parallel()
	e := &queuetest.Enqueuer{Config: queue.ClientConfig{Now: queuetest.NewClock(noon).Now}}
	durable := queue.Replicated(2, time.Second)
	enqueued, err := e.Enqueue(t.Context(), Charge{"o-1", 499}, queue.On("payments"), queue.In(time.Minute),
		queue.Unique("o-1", time.Hour), queue.MaxAttempts(5), queue.Durable(durable))
	if err != nil {
		t.Fatal(err)
	}
	job := queuetest.Only[Charge](t, e)
	if job.ID != enqueued.ID || job.ID == "" || job.Queue != "payments" || !job.Due.Equal(noon.Add(time.Minute)) ||
		job.UniqueKey != "o-1" || job.UniqueFor != time.Hour || job.Policy.MaxAttempts != 5 || *job.Durability != durable ||
		job.Args != (Charge{"o-1", 499}) || string(job.Data) != `{"order":"o-1","cents":499}` || !job.EnqueuedAt.Equal(noon) {
		t.Errorf("recorded %+v", job)
	}
	if enqueued.Reached == nil || enqueued.Reached.Replicas != 2 {
		t.Errorf("reached %+v", enqueued.Reached)
	}
}

// calls is a table of enqueues that a client and an Enqueuer must answer alike.
func calls() []queue.Item {
	item := func(args queue.Args, opts ...queue.EnqueueOption) queue.Item {
		return queue.Item{Args: args, Options: opts}
	}
	return []queue.Item{
		item(Charge{}, queue.ID("a")),
		item(Charge{Cents: 1}, queue.ID("a")),
		item(Receipt{}, queue.ID("a"), queue.In(time.Hour)),
		item(Charge{}, queue.ID("a"), queue.On("other")),
		item(Charge{}, queue.ID("b"), queue.Unique("k", time.Hour)),
		item(Charge{}, queue.ID("c"), queue.Unique("k", time.Hour)),
		item(Charge{}, queue.ID("c")),
		item(Charge{}, queue.ID("b"), queue.Unique("k", time.Hour)),
		item(Charge{}, queue.ID("a"), queue.Unique("k", time.Hour)),
		item(Receipt{}, queue.Unique("k", time.Hour), queue.At(noon)),
		item(Charge{}, queue.Unique("k", time.Hour), queue.On("other"), queue.ID("d"),
			queue.At(noon.Add(-time.Hour))),
		item(nil),
		item(Charge{}, queue.On("no spaces please")),
		item(Charge{}, queue.In(-time.Second), queue.MaxAttempts(0)),
		item(Charge{}, queue.ID("")),
		item(Charge{}, queue.Unique("k", 0)),
		item(queue.JSON("", []byte("{}"))),
		item(queue.JSON("raw", []byte("{"))),
		item(queue.JSON("raw", []byte(`"`+strings.Repeat("x", 1000)+`"`))),
		item(unencodable{}),
	}
}

func TestEnqueuerAnswersAsAClient(t *testing.T) {
	t.Parallel()
	cfg := queue.ClientConfig{MaxData: 1000, Now: queuetest.NewClock(noon.Add(-time.Minute)).Now}
	client, err := queue.NewClient(queuetest.Server(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	one := &queuetest.Enqueuer{Config: cfg}
	for i, item := range calls() {
		want, wantErr := client.Enqueue(t.Context(), item.Args, item.Options...)
		got, err := one.Enqueue(t.Context(), item.Args, item.Options...)
		if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("call %d: got %+v, %v; a client returns %+v, %v", i, got, err, want, wantErr)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_, wantErr := client.Enqueue(ended, Charge{})
	_, err = one.Enqueue(ended, Charge{})
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; a client returns %v", err, wantErr)
	}
}

func TestEnqueuerAnswersManyAsAClient(t *testing.T) {
	t.Parallel()
	cfg := queue.ClientConfig{MaxData: 1000, Now: queuetest.NewClock(noon.Add(-time.Minute)).Now}
	client, err := queue.NewClient(queuetest.Server(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	many := &queuetest.Enqueuer{Config: cfg}
	for _, to := range []queue.Enqueuer{client, many} { // a client may send the items of one call in another order
		enqueue(t, to, Charge{}, queue.ID("a"))
		enqueue(t, to, Charge{}, queue.ID("b"), queue.Unique("k", time.Hour))
	}
	want, wantErr := client.EnqueueMany(t.Context(), calls())
	got, err := many.EnqueueMany(t.Context(), calls())
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || len(got) != len(want) {
		t.Errorf("got %v; a client returns %v", err, wantErr)
	}
	for i := range got {
		if fmt.Sprint(got[i].Err) != fmt.Sprint(want[i].Err) {
			t.Errorf("item %d: got %v; a client returns %v", i, got[i].Err, want[i].Err)
		}
		got[i].Err, want[i].Err = nil, nil
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("item %d: got %+v; a client returns %+v", i, got[i], want[i])
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := many.EnqueueMany(ended, calls()[:1]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v with an ended context", err)
	}
}

func TestEnqueuerForgetsAGuardWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	clock := queuetest.NewClock(noon)
	e := &queuetest.Enqueuer{Config: queue.ClientConfig{Now: clock.Now}}
	duplicate := func(opts ...queue.EnqueueOption) bool {
		job, err := e.Enqueue(t.Context(), Charge{}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return job.Duplicate
	}
	chosen, unique := queue.ID("a"), queue.Unique("k", time.Hour)
	if duplicate(chosen) || duplicate(unique, queue.In(time.Hour)) {
		t.Error("the first was a duplicate")
	}
	clock.Advance(2*time.Hour - 1)
	if !duplicate(unique) {
		t.Error("the unique key was free too early")
	}
	clock.Advance(1)
	if duplicate(unique) {
		t.Error("the unique key was not set free")
	}
	clock.Advance(10 * queue.IDWindow)
	if !duplicate(chosen) {
		t.Error("the ID was free, though its job has not ended")
	}
}

func TestEnqueuerFails(t *testing.T) {
	t.Parallel()
	e := &queuetest.Enqueuer{Fail: func(job queuetest.Job) error {
		switch job.Queue {
		case "full":
			return queue.ErrFull
		case "unsafe":
			return queue.ErrNotDurable
		}
		return nil
	}}
	if job, err := e.Enqueue(t.Context(), Charge{}, queue.On("full")); job != nil || !errors.Is(err, queue.ErrFull) {
		t.Errorf("got %+v, %v", job, err)
	}
	if jobs := e.Jobs(); len(jobs) != 0 {
		t.Errorf("recorded %+v though it failed", jobs)
	}
	job, err := e.Enqueue(t.Context(), Charge{}, queue.On("unsafe"))
	if job == nil || !errors.Is(err, queue.ErrNotDurable) {
		t.Errorf("got %+v, %v", job, err)
	}
	got, err := e.EnqueueMany(t.Context(), []queue.Item{
		{Args: Charge{}}, {Args: Charge{}, Options: []queue.EnqueueOption{queue.On("full")}},
	})
	if !errors.Is(err, queue.ErrFull) || got[0].Err != nil || !errors.Is(got[1].Err, queue.ErrFull) {
		t.Errorf("got %+v, %v", got, err)
	}
	if jobs := e.Jobs(); len(jobs) != 2 {
		t.Errorf("recorded %+v, want two", jobs)
	}
}

func TestEnqueuerIsSafeForGoroutines(t *testing.T) {
	t.Parallel()
	e := &queuetest.Enqueuer{}
	var callers sync.WaitGroup
	for n := range 50 {
		callers.Go(func() {
			if _, err := e.Enqueue(t.Context(), Charge{}, queue.ID(fmt.Sprint(n%10))); err != nil {
				t.Error(err)
			}
			_ = e.Jobs()
		})
	}
	callers.Wait()
	if all := queuetest.All[Charge](t, e); len(all) != 10 {
		t.Errorf("recorded %d, want 10", len(all))
	}
}

func TestOnlyFailsTheTest(t *testing.T) {
	t.Parallel()
	e := &queuetest.Enqueuer{}
	only := func(tb testing.TB) { queuetest.Only[Charge](tb, e) }
	for _, args := range []queue.Args{Receipt{}, Charge{}, Charge{}} {
		if _, err := e.Enqueue(t.Context(), args); err != nil {
			t.Fatal(err)
		}
		got := failure(t, t.Context(), only)
		if n := len(queuetest.All[Charge](t, e)); (got == "") != (n == 1) {
			t.Errorf("with %d jobs it failed with %q", n, got)
		}
	}
	if got := failure(t, t.Context(), only); !strings.Contains(got, "2 jobs of kind payment.charge were enqueued") {
		t.Errorf("it failed with %q", got)
	}
	e = &queuetest.Enqueuer{}
	if _, err := e.Enqueue(t.Context(), queue.JSON("payment.charge", []byte("[]"))); err != nil {
		t.Fatal(err)
	}
	if got := failure(t, t.Context(), only); !strings.Contains(got, "data of payment.charge") {
		t.Errorf("with undecodable data it failed with %q", got)
	}
}

// What a second call does with the job that holds its unique key is what a client does.
func TestEnqueuerTreatsUniqueKeysAsAClientDoes(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Millisecond)
	clock := func() time.Time { return now }
	client, err := queue.NewClient(queuetest.Server(t), queue.ClientConfig{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fake := &queuetest.Enqueuer{Config: queue.ClientConfig{Now: clock}}
	debounce := []queue.UniqueOption{queue.Debounce(time.Hour), queue.ReplaceData()}
	for n, opts := range [][]queue.EnqueueOption{
		{queue.UniqueUntilEnded("a", queue.ReplaceData())}, {queue.UniqueUntilEnded("a", queue.ReplaceData())},
		{queue.UniqueUntilEnded("a", queue.RejectDuplicate())}, {queue.UniqueUntilStarted("a"), queue.In(time.Minute)},
		{queue.UniqueUntilStarted("b", debounce...), queue.In(time.Minute)},
		{queue.UniqueUntilStarted("b", debounce...), queue.In(2 * time.Minute)},
		{queue.UniqueUntilStarted("b", queue.Debounce(time.Hour)), queue.In(time.Second)},
		{queue.Unique("b", time.Hour, debounce...), queue.In(2 * time.Hour)},
		{queue.Unique("c", time.Hour, debounce...), queue.In(time.Minute)},
		{queue.Unique("c", time.Hour, debounce...), queue.In(time.Minute)},
		{queue.Unique("c", time.Hour, debounce...), queue.In(5 * time.Minute)},
	} {
		got, gotErr := fake.Enqueue(t.Context(), Charge{}, opts...)
		want, wantErr := client.Enqueue(t.Context(), Charge{}, opts...)
		if errors.Is(gotErr, queue.ErrDuplicate) != errors.Is(wantErr, queue.ErrDuplicate) || got == nil || want == nil {
			t.Fatalf("call %d: got %v, want %v", n, gotErr, wantErr)
		}
		got.ID, want.ID = "", ""
		for _, due := range []**time.Time{&got.Due, &want.Due} {
			if *due != nil {
				at := (*due).UTC()
				*due = &at
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("call %d: got %+v, want %+v; due %v and %v", n, got, want, got.Due, want.Due)
		}
	}
}

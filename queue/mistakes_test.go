package queue_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

type pointerArgs struct{ N int }

func (a *pointerArgs) Kind() string { return "pointer" }

type panickingKind struct{}

func (panickingKind) Kind() string { panic("it depends") }

type nothing struct{}

func (nothing) Kind() string { return "nothing" }

func handleNothing(context.Context, *queue.Job[nothing]) error { return nil }

// mistake is a call that is wrong, and what its error says.
type mistake struct {
	call func() error
	says string
}

// areInvalid fails the test unless each mistake is an error of its own kind that says what is wrong, and not a panic.
func areInvalid(t *testing.T, mistakes map[string]mistake) {
	t.Helper()
	for name, test := range mistakes {
		err := test.call()
		if !errors.Is(err, queue.ErrInvalid) || !strings.HasPrefix(err.Error(), "queue: ") ||
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
}

func TestMistakesAreInvalid(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	enqueue := func(opts ...queue.EnqueueOption) func() error {
		return func() error { _, err := f.client.Enqueue(t.Context(), charge{"o", 1}, opts...); return err }
	}
	inHour, year10000 := queue.At(time.Now().Add(time.Hour)), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	areInvalid(t, map[string]mistake{
		"nil option":         {enqueue(nil), "an option is nil"},
		"nil policy option":  {enqueue(queue.PolicyOption(nil)), "an option is nil"},
		"In with At":         {enqueue(queue.In(time.Hour), inHour), "exclude each other"},
		"In below 0":         {enqueue(queue.In(math.MinInt64)), "is negative"},
		"At after 9999":      {enqueue(queue.At(year10000)), "must be before 9999-12-31"},
		"unique for nothing": {enqueue(queue.Unique("u", 0)), "at least 1ms"},
		"unique for less":    {enqueue(queue.Unique("u", math.MinInt64)), "at least 1ms"},
		"until, no key":      {enqueue(queue.UniqueUntilEnded("")), "must not be empty"},
		"unique, nil":        {enqueue(queue.UniqueUntilStarted("u", nil)), "is nil"},
		"reject, replace": {
			enqueue(queue.UniqueUntilEnded("u", queue.RejectDuplicate(), queue.ReplaceData())), "excludes",
		},
		"debounce at once":   {enqueue(queue.UniqueUntilEnded("u", queue.Debounce(time.Hour))), "needs In or At"},
		"debounce for less":  {enqueue(queue.In(1), queue.Unique("u", time.Hour, queue.Debounce(1))), "at least 1ms"},
		"no ID":              {enqueue(queue.ID("")), "must not be empty"},
		"no queue":           {enqueue(queue.On("")), "must not be empty"},
		"no timeout":         {enqueue(queue.Timeout(0)), "at least 1ms"},
		"no attempts":        {enqueue(queue.MaxAttempts(math.MinInt)), "at least 1"},
		"no backoff":         {enqueue(queue.Backoff(0, 0)), "must begin at 1ms"},
		"no retention":       {enqueue(queue.Retain(0)), "at least 1ms"},
		"durable on none":    {enqueue(queue.Durable(queue.Durability{})), "at least 1"},
		"no trace":           {enqueue(queue.Trace("")), "not a traceparent"},
		"no request":         {enqueue(queue.RequestID("a b")), "spaces"},
		"not JSON":           {enqueueJSON(f), "JSON"},
		"raw without fields": {func() error { _, err := f.client.AddRaw(t.Context(), "s"); return err }, "by turns"},
		"raw without stream": {func() error { _, err := f.client.AddRaw(t.Context(), "", "a", "b"); return err }, "empty"},
	})
}

func TestMistakesInAMuxAreInvalid(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	handle := func(opts ...queue.HandleOption) func() error {
		return func() error { return f.refused(muxOf("k", noop, opts...)) }
	}
	mux := func(change func(*queue.Mux)) func() error {
		return func() error {
			m := queue.NewMux()
			change(m)
			return f.refused(m)
		}
	}
	configured := func(change func(*queue.WorkerConfig)) func() error {
		return func() error {
			cfg := queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"q": {}}}
			change(&cfg)
			_, err := queue.NewWorker(f.rdb, queue.NewMux(), cfg)
			return err
		}
	}
	areInvalid(t, map[string]mistake{
		"nil handler":         {func() error { return f.refused(muxOf("k", nil)) }, "handler is nil"},
		"nil handle option":   {handle(nil), "an option is nil"},
		"nil backoff":         {handle(queue.BackoffFunc(nil)), "BackoffFunc is nil"},
		"strict without type": {handle(queue.Strict()), "Strict is for Handle"},
		"nil middleware":      {mux(func(m *queue.Mux) { m.Use(nil) }), "a middleware is nil"},
		"middleware of none": {mux(func(m *queue.Mux) {
			m.HandleKind("k", noop)
			m.Use(func(queue.Handler) queue.Handler { return nil })
		}), "returned no handler"},
		"middleware that panics": {mux(func(m *queue.Mux) {
			m.HandleKind("k", noop)
			m.Use(func(queue.Handler) queue.Handler { panic("no") })
		}), "panic: no"},
		"kind twice": {mux(func(m *queue.Mux) {
			m.HandleKind("k", noop)
			m.HandleKind("k", noop)
		}), "registered twice"},
		"kind of no type":    {mux(func(m *queue.Mux) { queue.Handle[queue.Args](m, nil) }), "is an interface"},
		"kind that panics":   {mux(func(m *queue.Mux) { queue.Handle[panickingKind](m, nil) }), "it depends"},
		"nil typed handler":  {mux(func(m *queue.Mux) { queue.Handle[nothing](m, nil) }), "handler is nil"},
		"nil batch handler":  {mux(func(m *queue.Mux) { queue.HandleBatch[nothing](m, nil) }), "handler is nil"},
		"nil mux":            {func() error { queue.Handle(nil, handleNothing); return f.refused(nil) }, "mux is nil"},
		"no queues":          {configured(func(c *queue.WorkerConfig) { c.Queues = nil }), "no queues"},
		"lease for years":    {configured(func(c *queue.WorkerConfig) { c.Lease = math.MaxInt64 }), "500ms to 24h"},
		"lease below 0":      {configured(func(c *queue.WorkerConfig) { c.Lease = math.MinInt64 }), "500ms to 24h"},
		"endless slots":      {configured(func(c *queue.WorkerConfig) { c.Concurrency = math.MaxInt }), "1 to 100000"},
		"slots below 0":      {configured(func(c *queue.WorkerConfig) { c.Concurrency = -1 }), "1 to 100000"},
		"endless read-ahead": {configured(func(c *queue.WorkerConfig) { c.ReadAhead = math.MaxInt }), "-1 to 100000"},
		"endless weight": {configured(func(c *queue.WorkerConfig) {
			c.Queues["q"] = queue.QueueConfig{Weight: math.MaxInt}
		}), "1 to 1000000"},
		"idle below 0": {configured(func(c *queue.WorkerConfig) {
			c.Queues["q"] = queue.QueueConfig{Raw: &queue.Raw{Kind: "k", ForeignIdle: -1}}
		}), "at least 1ms"},
	})
}

func TestWhatWasNotMadeIsInvalid(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	client := func(cfg queue.ClientConfig) func() error {
		return func() error { _, err := queue.NewClient(f.rdb, cfg); return err }
	}
	var noClient *redis.Client
	areInvalid(t, map[string]mistake{
		"no buffer":      {client(queue.ClientConfig{MaxBuffered: -1}), "MaxBuffered -1"},
		"no data":        {client(queue.ClientConfig{MaxData: -1}), "MaxData -1"},
		"no patience":    {client(queue.ClientConfig{Timeout: -1}), "Timeout -1ns"},
		"no Redis":       {func() error { _, err := queue.NewClient(nil, queue.ClientConfig{}); return err }, "is nil"},
		"typed no Redis": {func() error { _, err := queue.NewClient(noClient, queue.ClientConfig{}); return err }, "is nil"},
		"zero client": {func() error {
			_, err := new(queue.Client).Enqueue(t.Context(), nothing{})
			return err
		}, "NewClient"},
		"zero client, many": {func() error {
			_, err := new(queue.Client).EnqueueMany(t.Context(), someItems(1))
			return err
		}, "NewClient"},
		"zero client, raw": {func() error { _, err := new(queue.Client).AddRaw(t.Context(), "s", "a", "b"); return err },
			"NewClient"},
		"zero worker":       {func() error { return new(queue.Worker).Run(t.Context()) }, "NewWorker"},
		"zero worker stops": {func() error { return new(queue.Worker).Stop(t.Context()) }, "NewWorker"},
		"nil run":           {func() error { return queue.NewMux().Run(t.Context(), nil) }, "a run is nil"},
		"unknown kind":      {func() error { return queue.NewMux().Run(t.Context(), &queue.Run{}) }, "no handler for kind"},
	})
	if err := new(queue.Client).Close(); err != nil {
		t.Error(err)
	}
}

func enqueueJSON(f *fleet) func() error {
	return func() error { _, err := f.client.Enqueue(f.Context(), queue.JSON("k", nil)); return err }
}

// refused returns what NewWorker says about a mux.
func (f *fleet) refused(mux *queue.Mux) error {
	_, err := queue.NewWorker(f.rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"q": {}}})
	return err
}

func TestTheZeroMuxIsEmpty(t *testing.T) {
	t.Parallel()
	var m queue.Mux
	if len(m.Kinds()) != 0 {
		t.Error("it has kinds")
	}
	queue.Handle(&m, handleNothing)
	if err := m.Run(t.Context(), &queue.Run{Kind: "nothing", Data: []byte("{}")}); err != nil {
		t.Error(err)
	}
}

func TestArgumentsMayBeAPointer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	got := make(chan int, 2)
	queue.Handle(mux, func(_ context.Context, job *queue.Job[*pointerArgs]) error {
		got <- job.Args.N
		return nil
	})
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[*charge]) error {
		got <- int(jobs[0].Args.Cents)
		return nil
	})
	f.start(mux)
	for _, args := range []queue.Args{&pointerArgs{7}, &charge{"o", 9}} {
		_, err := f.client.Enqueue(t.Context(), args, queue.On("orders"))
		f.must(err)
	}
	if sum := receive(t, got) + receive(t, got); sum != 16 {
		t.Errorf("got %d", sum)
	}
}

func TestDataThatDoesNotFitIsReported(t *testing.T) {
	t.Parallel()
	lax, strict, empty := queue.NewMux(), queue.NewMux(), queue.NewMux()
	queue.Handle(lax, func(context.Context, *queue.Job[charge]) error { return nil })
	queue.Handle(strict, func(context.Context, *queue.Job[charge]) error { return nil }, queue.Strict())
	queue.HandleBatch(empty, func(context.Context, []*queue.Job[nothing]) error { return nil }, queue.Strict())
	for name, test := range map[string]struct {
		mux  *queue.Mux
		kind string
		data string
		says string // "" is done
	}{
		"null":                     {lax, "payment.charge", " null\n", "it is null"},
		"null, strictly":           {strict, "payment.charge", "null", "it is null"},
		"null for no arguments":    {empty, "nothing", "null", ""},
		"unknown field":            {lax, "payment.charge", `{"cent":1}`, ""},
		"unknown field, strictly":  {strict, "payment.charge", `{"cent":1}`, `unknown field "cent"`},
		"unknown field of a batch": {empty, "nothing", `{"cent":1}`, `unknown field "cent"`},
		"more behind it":           {lax, "payment.charge", `{} {}`, "after top-level value"},
		"more behind it, strictly": {strict, "payment.charge", `{} {}`, "more behind it"},
		"known fields, strictly":   {strict, "payment.charge", ` {"order_id":"o","cents":1} `, ""},
	} {
		o := queue.OutcomeOf(test.mux.Run(t.Context(), &queue.Run{Kind: test.kind, Data: []byte(test.data)}))
		if test.says == "" && o.Kind != queue.OutcomeDone ||
			test.says != "" && (o.Kind != queue.OutcomeUndecoded || !strings.Contains(o.Err.Error(), test.says)) {
			t.Errorf("%s: got %+v, want %q", name, o, test.says)
		}
	}
	if kinds := strict.Kinds(); !kinds[0].Policy.Strict {
		t.Errorf("got %+v", kinds)
	}
}

func TestAResultThatIsNotKeptIsReported(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	set := func(_ context.Context, run *queue.Run) error { return run.SetResult("x") }
	mux.HandleKind("kept", set, queue.Retain(time.Hour))
	mux.HandleKind("lost", set)
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[charge]) error {
		return jobs[0].SetResult("y")
	})
	f.start(mux)
	for range 3 {
		f.enqueue("kept", `{}`)
		f.enqueue("lost", `{}`)
		f.enqueue("payment.charge", `{}`)
	}
	f.await(queue.EventDone, 9)
	kinds := map[string]int{}
	for _, e := range f.events.of(queue.EventWarning) {
		if strings.Contains(e.Err.Error(), "not kept") {
			kinds[e.Kind]++
		}
	}
	if len(kinds) != 2 || kinds["lost"] != 1 || kinds["payment.charge"] != 1 {
		t.Errorf("it was reported for %v", kinds)
	}
}

func TestARunThatTimedOutSaysSo(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	cause := errors.New("the query was cut off")
	mux.HandleKind("patient", func(ctx context.Context, _ *queue.Run) error { <-ctx.Done(); return cause },
		queue.Timeout(10*time.Millisecond), queue.MaxAttempts(1))
	mux.HandleKind("exact", func(ctx context.Context, _ *queue.Run) error { <-ctx.Done(); return context.Cause(ctx) },
		queue.Timeout(10*time.Millisecond), queue.MaxAttempts(1))
	mux.HandleKind("quick", func(context.Context, *queue.Run) error { return cause }, queue.MaxAttempts(1))
	queue.HandleBatch(mux, func(ctx context.Context, _ []*queue.Job[charge]) error { <-ctx.Done(); return ctx.Err() },
		queue.Timeout(10*time.Millisecond), queue.MaxAttempts(1))
	f.start(mux)
	for _, kind := range []string{"patient", "exact", "quick", "payment.charge"} {
		f.enqueue(kind, `{}`)
	}
	want := map[string]string{
		"patient": "job timed out after 10ms: the query was cut off", "exact": "job timed out",
		"quick": cause.Error(), "payment.charge": "job timed out after 10ms: context deadline exceeded",
	}
	for _, e := range f.await(queue.EventDead, 4) {
		job, err := f.inspect.Job(t.Context(), "orders", e.Job)
		f.must(err)
		if job.Error != want[e.Kind] || errors.Is(e.Err, queue.ErrTimeout) == (e.Kind == "quick") {
			t.Errorf("%s: %q, %v", e.Kind, job.Error, e.Err)
		}
	}
}

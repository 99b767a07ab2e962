package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const orderJobs = "/v1/queues/orders/jobs"

type job struct {
	ID, Kind, Queue string
	Due             *time.Time
	Duplicate       bool
	Changed         bool
	State           string
}

// work runs debug jobs until what is asked for is so.
func (a *app) work(mux *queue.Mux) {
	a.Helper()
	worker, err := queue.NewWorker(a.rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
	a.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	a.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			a.Error(err)
		}
	})
}

func TestJobIsEnqueuedRunAndLookedUp(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	header := map[string]string{"X-Request-ID": "req-9", "Traceparent": trace}
	got := a.gets(202, ask{method: "POST", path: orderJobs, body: `{"kind":"debug.echo","data":{"a":1}}`, header: header})
	made := decode[job](a, got)
	if made.Kind != "debug.echo" || made.Queue != "orders" || got.header.Get("Location") != orderJobs+"/"+made.ID {
		t.Errorf("got %+v, %v", made, got.header)
	}
	lookup := ask{method: "GET", path: got.header.Get("Location")}
	type status struct {
		State            string
		Attempt          int
		Result, Progress json.RawMessage
		Trace, Reason    string
		RequestID        string `json:"request_id"`
	}
	if s := decode[status](a, a.gets(200, lookup)); s.State != "waiting" || s.RequestID != "req-9" || s.Trace != trace {
		t.Errorf("got %+v", s)
	}
	mux := queue.NewMux()
	mux.HandleKind("debug.echo", func(ctx context.Context, run *queue.Run) error {
		return errors.Join(run.SetProgress(ctx, 50, "half"), run.SetResult(run.RequestID+" "+run.Trace))
	})
	mux.HandleKind("debug.fail", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("no use")) })
	a.work(mux)
	failing := a.gets(202, ask{method: "POST", path: orderJobs, body: `{"kind":"debug.fail","data":{}}`})
	a.eventually("done", func() bool { return decode[status](a, a.gets(200, lookup)).State == "done" })
	if s := decode[status](a, a.gets(200, lookup)); string(s.Result) != `"req-9 `+trace+`"` ||
		!strings.Contains(string(s.Progress), "half") || s.Trace != trace {
		t.Errorf("got %+v", s)
	}
	lookup.path = failing.header.Get("Location")
	a.eventually("dead", func() bool { return decode[status](a, a.gets(200, lookup)).Reason == inspect.ReasonCancelled })
	a.fails(404, "not-found", ask{method: "GET", path: orderJobs + "/nobody"})
}

func TestJobOptions(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	post := func(status int, options string) job {
		t.Helper()
		return decode[job](a,
			a.gets(status, ask{method: "POST", path: orderJobs, body: `{"kind":"debug.echo","data":1` + options + `}`}))
	}
	inspector, err := inspect.New(a.rdb, inspect.Config{})
	a.must(err)
	if made := post(202, `,"id":"j-1","max_attempts":3,"timeout":"5s","retain":"0s"`); made.ID != "j-1" {
		t.Errorf("got %+v", made)
	}
	if again := post(200, `,"id":"j-1"`); !again.Duplicate || again.ID != "j-1" {
		t.Errorf("got %+v", again)
	}
	info, err := inspector.Job(t.Context(), "orders", "j-1")
	a.must(err)
	if info.MaxAttempts != 3 {
		t.Errorf("got %+v", info)
	}
	first := post(202, `,"unique":"u","unique_for":"1h","in":"10m"`)
	if again := post(200, `,"unique":"u","unique_for":"1h"`); again.ID != first.ID || first.Due == nil ||
		time.Until(*first.Due) > 10*time.Minute {
		t.Errorf("got %+v after %+v", again, first)
	}
	debounce := `,"unique":"e","unique_until":"ended","unique_debounce":"1h","unique_replace":true,"in":`
	first = post(202, debounce+`"10m"`)
	if again := post(200, debounce+`"20m"`); again.ID != first.ID || !again.Changed || again.State != "delayed" ||
		!again.Due.After(*first.Due) {
		t.Errorf("got %+v after %+v", again, first)
	}
	refused := a.fails(409, "duplicate", ask{method: "POST", path: orderJobs,
		body: `{"kind":"debug.echo","data":1,"unique":"e","unique_until":"started","unique_reject":true}`})
	if !strings.Contains(string(refused.body), first.ID) {
		t.Errorf("got %s", refused.body)
	}
	if made := post(202, `,"at":"2099-01-01T00:00:00Z"`); made.Due == nil || made.Due.Year() != 2099 {
		t.Errorf("got %+v", made)
	}
}

func TestBadJobsAreRefused(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for body, want := range map[string]string{
		`{"kind":"debug.echo","data":1,"inn":"5m"}`: "unknown field",
		`{"data":1}`:                                                                                "kind is missing",
		`{"kind":"debug.echo"}`:                                                                     "data is missing",
		`{"kind":"debug.ecco","data":1}`:                                                            "unknown kind",
		`{"kind":"debug.echo","data":1,"in":"soon"}`:                                                "no duration",
		`{"kind":"debug.echo","data":1,"in":300}`:                                                   "no duration",
		`{"kind":"debug.echo","data":1,"in":"-5m"}`:                                                 "negative",
		`{"kind":"debug.echo","data":1,"in":"5m","at":"2099-01-01T00:00:00Z"}`:                      "exclude",
		`{"kind":"debug.echo","data":1,"at":"tomorrow"}`:                                            "tomorrow",
		`{"kind":"debug.echo","data":1,"unique":"u"}`:                                               "together",
		`{"kind":"debug.echo","data":1,"unique_replace":true}`:                                      "together",
		`{"kind":"debug.echo","data":1,"unique":"u","unique_until":"now"}`:                          "ended or started",
		`{"kind":"debug.echo","data":1,"unique":"u","unique_for":"1h","unique_until":"ended"}`:      "one of them",
		`{"kind":"debug.echo","data":1,"unique":"u","unique_until":"ended","unique_debounce":"0s"}`: "at least 1ms",
		`{"kind":"debug.echo","data":1,"unique":"u","unique_until":"ended","unique_debounce":"1h"}`: "needs In or At",
		`{"kind":"debug.echo","data":1,"unique":"u","unique_for":"0s"}`:                             "at least 1ms",
		`{"kind":"debug.echo","data":1,"id":"a b"}`:                                                 "spaces",
		`{"kind":"debug.echo","data":1,"max_attempts":0}`:                                           "at least 1",
		`{"kind":"debug.echo","data":1,"timeout":"0s"}`:                                             "at least 1ms",
		`{"kind":"debug.echo","data":1,"retain":"-1s"}`:                                             "at least 1ms",
		`"a string"`:                            "string",
		`[]`:                                    "1 to 1000",
		`[` + strings.Repeat("1,", 1000) + `1]`: "1 to 1000",
	} {
		got := a.fails(422, "invalid", ask{method: "POST", path: orderJobs, body: body})
		if !strings.Contains(string(got.body), want) {
			t.Errorf("%.80s: %s, want %q", body, got.body, want)
		}
	}
	a.gets(422, ask{method: "POST", path: "/v1/queues/a%7Bb/jobs", body: `{"kind":"debug.echo","data":1}`})
	if n, err := a.rdb.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
}

type results struct {
	Results []struct {
		ID        string
		Line      int64
		Duplicate bool
		Problem   *struct {
			Status int
			Detail string
		}
	}
}

func TestArrayIsAnsweredJobByJob(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	got := decode[results](a, a.gets(202, ask{method: "POST", path: orderJobs,
		body: `[{"kind":"debug.echo","data":1,"id":"a"},{"kind":"debug.echo","data":2}]`}))
	if len(got.Results) != 2 || got.Results[0].ID != "a" || got.Results[1].ID == "" {
		t.Errorf("got %+v", got)
	}
	got = decode[results](a, a.gets(207, ask{method: "POST", path: orderJobs,
		body: `[{"kind":"debug.echo","data":1,"id":"a"},{"kind":"nope","data":2},7,` +
			`{"kind":"debug.echo","data":1,"id":"b c"},{"kind":"debug.echo","data":1,"id":"d"}]`}))
	told := ""
	for _, one := range got.Results {
		if one.Problem != nil {
			told += fmt.Sprint(one.Problem.Status, " ")
		} else {
			told += fmt.Sprint(one.ID, one.Duplicate, " ")
		}
	}
	if want := "atrue 422 422 422 dfalse "; told != want {
		t.Errorf("got %s, want %s", told, want)
	}
}

// A request that failed after its jobs were made is recognised when it is repeated, although its answer is not on
// record.
func TestIdempotencyKeyNamesJobs(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	keyed := map[string]string{"Idempotency-Key": "k-1"}
	one := ask{method: "POST", path: orderJobs, body: `{"kind":"debug.echo","data":1}`, header: keyed}
	many := ask{method: "POST", path: orderJobs, body: `[{"kind":"debug.echo","data":1},{"kind":"debug.echo","data":1}]`,
		header: map[string]string{"Idempotency-Key": "k-2"}}
	event := ask{method: "POST", path: "/v1/events", body: `[{"event":"e"},{"event":"e"}]`,
		header: map[string]string{"Idempotency-Key": "k-3"}}
	scores := ask{method: "POST", path: "/v1/leaderboards/b/scores", body: `{"changes":[{"member":"m","by":5}]}`,
		header: map[string]string{"Idempotency-Key": "k-4"}}
	first := decode[job](a, a.gets(202, one))
	a.gets(202, many)
	a.gets(202, event)
	a.gets(200, scores)
	if replay := a.gets(202, one); replay.header.Get("Idempotency-Replayed") != "true" ||
		decode[job](a, replay).ID != first.ID {
		t.Errorf("got %s, %v", replay.body, replay.header)
	}
	a.fails422Reused(one)
	a.forget()
	if again := decode[job](a, a.gets(200, one)); !again.Duplicate || again.ID != first.ID {
		t.Errorf("got %+v, want %s again", again, first.ID)
	}
	for _, asked := range []ask{many, event} {
		for _, again := range decode[results](a, a.gets(202, asked)).Results {
			if !again.Duplicate {
				t.Errorf("%s: %+v was made twice", asked.path, again)
			}
		}
	}
	a.gets(200, scores)
	if score, err := a.rdb.ZScore(t.Context(), "leaderboard:b", "m").Result(); err != nil || score != 5 {
		t.Errorf("score %v, %v", score, err)
	}
}

// fails422Reused checks that a key is refused for another request.
func (a *app) fails422Reused(asked ask) {
	a.Helper()
	asked.body = strings.Replace(asked.body, "1", "2", 1)
	if got := a.gets(422, asked); got.header.Get("Content-Type") != "application/problem+json" {
		a.Errorf("got %s", got.body)
	}
}

// forget removes the record of every idempotency key, as a failover may.
func (a *app) forget() {
	a.Helper()
	keys, err := a.rdb.Keys(a.Context(), "*http:*").Result()
	a.must(err)
	if len(keys) == 0 {
		a.Fatal("nothing is on record")
	}
	a.must(a.rdb.Del(a.Context(), keys...).Err())
}

func TestAnyKindWhereTheGatewaySaysSo(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Kinds, c.Retain = nil, 0 })
	a.gets(202, ask{method: "POST", path: orderJobs, body: `{"kind":"another.fleet","data":null}`})
}

func TestShop(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i, one := range right[2:6] {
		one = one.with("Idempotency-Key", fmt.Sprint("shop-", i))
		first := decode[job](a, a.gets(202, one))
		a.forget()
		if again := decode[job](a, a.gets(200, one)); again.ID != first.ID || !again.Duplicate {
			t.Errorf("%s: %+v, then %+v", one.path, first, again)
		}
	}
	for _, path := range []string{"/events", "/v1/events"} {
		got := decode[results](a,
			a.gets(207, ask{method: "POST", path: path, body: `[{"event":"a"},{"user_id":"u"},{"event":"b","timestamp":"x"}]`}))
		if len(got.Results) != 3 || got.Results[0].ID == "" || got.Results[1].Problem == nil ||
			got.Results[2].Problem == nil {
			t.Errorf("got %+v", got)
		}
	}
	inspector, err := inspect.New(a.rdb, inspect.Config{})
	a.must(err)
	page, err := inspector.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.Page{})
	a.must(err)
	if len(page.Jobs) != 2 || page.Jobs[0].Kind != "payment.charge" ||
		string(page.Jobs[0].Data) != `{"order_id":"o-1","cents":1999}` {
		t.Errorf("got %+v", page.Jobs)
	}
}

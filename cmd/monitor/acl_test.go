package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/secondfactor"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/inspect"
)

// restricted is a Redis with the users of deploy/redis/users.acl, each with a client of its own.
type restrictedRedis struct {
	admin                     *redis.Client
	producer, worker, monitor *redis.Client
}

func newRestricted(t *testing.T) restrictedRedis {
	t.Helper()
	server := redistest.New(t)
	r := restrictedRedis{admin: server.Client(t)}
	for line := range strings.Lines(fileOf(t, "redis/users.acl")) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "user" || words[1] == "default" {
			continue
		}
		set := []any{"ACL", "SETUSER"}
		for _, word := range words[1:] {
			set = append(set, word)
		}
		if err := r.admin.Do(t.Context(), set...).Err(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	as := func(name string) *redis.Client {
		client := redis.NewClient(&redis.Options{
			Addr: server.Addr, Username: "navvy-" + name, Password: "CHANGE-ME-" + name, ContextTimeoutEnabled: true,
		})
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	r.producer, r.worker, r.monitor = as("producer"), as("worker"), as("monitor")
	return r
}

// refused lists what Redis has refused, but for what is only asked whether it is allowed.
func (r restrictedRedis) refused(t *testing.T) (refused []string) {
	t.Helper()
	entries, err := r.admin.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		refused = append(refused, fmt.Sprintf("%s: %s %s (%s)", e.Username, e.Reason, e.Object, e.Context))
	}
	return refused
}

// The users that operators are given may do all that the programs do, and nothing is left to be found out by trying.
func TestTheUsersOfTheRecipeSuffice(t *testing.T) {
	t.Parallel()
	r := newRestricted(t)
	enqueueAsProducer(t, r.producer)
	workAsWorker(t, r.worker)
	tickAsWorker(t, r.worker)
	cronAsMonitor(t, r.monitor)
	lookAsMonitor(t, r.monitor)
	actAsMonitor(t, r.monitor)
	codesAsMonitor(t, r.monitor)
	for _, refused := range r.refused(t) {
		t.Errorf("refused: %s", refused)
	}
}

func TestTheUsersOfTheRecipeMayDoNoMore(t *testing.T) {
	t.Parallel()
	r := newRestricted(t)
	for name, client := range map[string]*redis.Client{
		"producer": r.producer, "worker": r.worker, "monitor": r.monitor,
	} {
		for _, command := range []string{
			"FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG SET maxmemory 1", "SHUTDOWN", "ACL LIST", "BGSAVE",
			"REPLICAOF NO ONE", "MONITOR", "SAVE", "CLIENT KILL ID 1", "GET other", "SET other 1", "MODULE LIST",
			"FUNCTION LIST", "SUBSCRIBE other",
		} {
			var args []any
			for _, word := range strings.Fields(command) {
				args = append(args, word)
			}
			if err := client.Do(t.Context(), args...).Err(); !redis.HasErrorPrefix(err, "NOPERM") {
				t.Errorf("%s may %s: %v", name, command, err)
			}
		}
	}
}

func enqueueAsProducer(t *testing.T, rdb *redis.Client) {
	t.Helper()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"done", "retried", "dead", "cancelled", "snoozed"} {
		for n, options := range [][]queue.EnqueueOption{
			nil, {queue.ID(kind + "-1"), queue.Retain(time.Hour)}, {queue.Unique(kind, time.Hour)}, {queue.In(time.Hour)},
		} {
			options = append(options, queue.On("orders"), queue.MaxAttempts(2),
				queue.Backoff(time.Millisecond, time.Millisecond))
			if _, err := client.Enqueue(t.Context(), queue.JSON(kind, []byte(`{"a":1}`)), options...); err != nil {
				t.Errorf("%s %d: %v", kind, n, err)
			}
		}
	}
	var many []queue.Item
	on := []queue.EnqueueOption{queue.On("orders")}
	for range 20 {
		many = append(many, queue.Item{Args: queue.JSON("done", []byte(`1`)), Options: on})
	}
	if _, err := client.EnqueueMany(t.Context(), many); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func workAsWorker(t *testing.T, rdb *redis.Client) {
	t.Helper()
	mux := queue.NewMux()
	mux.HandleKind("done", func(ctx context.Context, run *queue.Run) error { return run.SetProgress(ctx, 50, "half") })
	mux.HandleKind("retried", func(_ context.Context, run *queue.Run) error {
		if run.Attempt > 1 {
			return nil
		}
		return errors.New("again")
	})
	mux.HandleKind("dead", func(context.Context, *queue.Run) error { return errors.New("no") })
	mux.HandleKind("cancelled", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("never")) })
	mux.HandleKind("snoozed", func(context.Context, *queue.Run) error { return queue.Snooze(time.Hour) })
	var left atomic.Int64 // events of several jobs come at once
	left.Store(20 + 3*5)
	ctx, stop := context.WithCancel(t.Context())
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 1,
		Observer: queue.ObserverFunc(func(e queue.Event) {
			switch e.Type {
			case queue.EventDone, queue.EventDead, queue.EventSnoozed, queue.EventCancelled:
				if left.Add(-1) == 0 {
					stop()
				}
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("worker: %v", err)
	}
}

// tickAsWorker declares a cron entry, and runs until it has ticked.
func tickAsWorker(t *testing.T, rdb *redis.Client) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	mux := queue.NewMux()
	mux.HandleKind("tick", func(context.Context, *queue.Run) error {
		stop()
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{"orders": {}},
		Cron: queue.CronConfig{Parse: cron.Parse, Entries: []queue.CronEntry{
			queue.Cron("second", "* * * * * *", queue.JSON("tick", []byte("{}")), queue.On("orders")),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("worker: %v", err)
	}
}

// cronAsMonitor does what a person does with cron entries.
func cronAsMonitor(t *testing.T, rdb *redis.Client) {
	t.Helper()
	look, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	settings := inspect.CronSettings{Spec: "@daily", Kind: "tick", Data: []byte("{}")}
	_, add := look.AddCron(ctx, "orders", "mine", settings)
	_, edit := look.EditCron(ctx, "orders", "mine", func(s *inspect.CronSettings) { s.Spec = "@hourly" })
	_, pause := look.PauseCron(ctx, "orders", "mine")
	_, resume := look.ResumeCron(ctx, "orders", "mine")
	_, run := look.RunCron(ctx, "orders", "mine")
	_, history := look.CronHistory(ctx, "orders", "mine")
	if err := errors.Join(add, edit, pause, resume, run, history, look.DeleteCron(ctx, "orders", "mine")); err != nil {
		t.Error(err)
	}
}

func lookAsMonitor(t *testing.T, rdb *redis.Client) {
	t.Helper()
	board, err := dashboard.New(dashboard.Config{Redis: rdb, Auth: dashboard.Open{}})
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	var group errgroup.Group
	for _, path := range []string{
		"/", "/queues", "/pending?queue=orders", "/waiting?queue=orders", "/delayed?queue=orders", "/dead?queue=orders",
		"/cancelled?queue=orders", "/expired?queue=orders",
		"/workers", "/redis", "/locks", "/audit", "/keys", "/queues/orders/jobs/done-1",
	} {
		group.Go(func() error {
			w := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
			if board.ServeHTTP(w, request); w.Code != http.StatusOK {
				return fmt.Errorf("%s: %d", path, w.Code)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// codesAsMonitor takes a code of an app and a recovery code.
func codesAsMonitor(t *testing.T, rdb *redis.Client) {
	t.Helper()
	factor, recovery := secondfactor.New()
	code, err := otp.GenerateCode(strings.Fields(factor.String())[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{code, recovery[0]} {
		proof, ok := factor.Check(code, time.Now())
		first, _, err := secondfactor.NewTaken(rdb).Take(t.Context(), proof)
		if !ok || !first || err != nil {
			t.Errorf("code %s: %t, %t, %v", code, ok, first, err)
		}
	}
}

func actAsMonitor(t *testing.T, rdb *redis.Client) {
	t.Helper()
	look, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, verify := look.Verify(ctx, "orders", func(int64) {})
	for name, err := range map[string]error{
		"pause": look.Pause(ctx, "orders"), "resume": look.Resume(ctx, "orders"), "verify": verify,
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, state := range []inspect.State{inspect.StateDelayed, inspect.StateDead, inspect.StateCancelled} {
		for _, action := range state.Actions() {
			found, err := look.Search(ctx, "orders", inspect.Query{State: state}, inspect.Page{Limit: 1})
			if err != nil || len(found.Jobs) == 0 {
				continue
			}
			if err := look.Do(ctx, "orders", found.Jobs[0].Name(), action); err != nil {
				t.Errorf("%s %s: %v", action, state, err)
			}
		}
	}
}

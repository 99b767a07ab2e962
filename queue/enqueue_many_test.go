package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// spy is a hook that counts what a client sends, and may hold or break it.
type spy struct {
	mu    sync.Mutex
	names map[string]int                                   // of commands
	trips int                                              // commands alone and pipelines
	each  func(ctx context.Context, cmd redis.Cmder) error // may be nil
}

func (s *spy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := s.see(ctx, cmd); err != nil {
			return err
		}
		return next(ctx, cmd)
	}
}

func (s *spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := s.see(ctx, cmds...); err != nil {
			return err
		}
		return next(ctx, cmds)
	}
}

func (s *spy) see(ctx context.Context, cmds ...redis.Cmder) error {
	s.mu.Lock()
	if s.names == nil {
		s.names = map[string]int{}
	}
	s.trips++
	for _, cmd := range cmds {
		s.names[cmd.Name()]++
	}
	s.mu.Unlock()
	if s.each == nil {
		return nil
	}
	var failed error
	for _, cmd := range cmds {
		if err := s.each(ctx, cmd); err != nil {
			cmd.SetErr(err)
			failed = err
		}
	}
	return failed
}

func (s *spy) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name]
}

// hooked returns a client whose commands pass through a hook of the application's.
func (f *fleet) hooked(s *spy, cfg queue.ClientConfig) *queue.Client {
	f.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	rdb.AddHook(s)
	cfg.Namespace = f.namespace
	client, err := queue.NewClient(rdb, cfg)
	f.must(err)
	f.Cleanup(func() { _, _ = client.Close(), rdb.Close() })
	return client
}

func someItems(n int, opts ...queue.EnqueueOption) []queue.Item {
	items := make([]queue.Item, n)
	for i := range items {
		all := append([]queue.EnqueueOption{queue.On("orders")}, opts...)
		items[i] = queue.Item{Args: charge{fmt.Sprint(i), 1}, Options: all}
	}
	return items
}

func TestEnqueueManyWaitsForRoom(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const callers, each = 32, 1000
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if _, err := f.client.EnqueueMany(t.Context(), someItems(each)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.info().Waiting; n != callers*each {
		t.Errorf("%d jobs, want %d", n, callers*each)
	}
}

// A caller with many jobs leaves room to those with one.
func TestEnqueueIsNotRefusedBecauseOthersEnqueueMany(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	held := make(chan struct{})
	client := f.hooked(&spy{each: func(ctx context.Context, _ redis.Cmder) error {
		select {
		case <-held:
		case <-ctx.Done():
		}
		return nil
	}}, queue.ClientConfig{MaxBuffered: 10, Timeout: time.Minute})
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			if _, err := client.EnqueueMany(t.Context(), someItems(100)); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Go(func() {
		for range 5 {
			callers.Go(func() {
				if _, err := client.Enqueue(t.Context(), charge{"one", 1}, queue.On("orders")); err != nil {
					t.Error(err)
				}
			})
		}
		close(held)
	})
	callers.Wait()
	if n := f.info().Waiting; n != 305 {
		t.Errorf("%d jobs", n)
	}
}

func TestEnqueueManyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	gone := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	sent := make(chan struct{}, 1)
	client := f.hooked(&spy{each: func(ctx context.Context, _ redis.Cmder) error {
		select {
		case sent <- struct{}{}:
		default: // the first is enough
		}
		<-ctx.Done()
		return ctx.Err()
	}}, queue.ClientConfig{MaxBuffered: 100, Timeout: 6 * time.Second})
	go func() {
		<-sent
		cancel(gone)
	}()
	results, err := client.EnqueueMany(ctx, someItems(2500))
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	unknown := 0
	for i, r := range results {
		if !errors.Is(r.Err, gone) {
			t.Fatalf("item %d: %v", i, r.Err)
		}
		if errors.Is(r.Err, queue.ErrUnknownOutcome) {
			unknown++
		}
	}
	if unknown == 0 || unknown > 3*50 { // as many pipelines are under way at once, and callers with many jobs fill half
		t.Errorf("%d outcomes are unknown", unknown)
	}
	results, err = f.client.EnqueueMany(ctx, someItems(3))
	if !errors.Is(err, gone) || errors.Is(err, queue.ErrUnknownOutcome) || !errors.Is(results[2].Err, gone) {
		t.Errorf("with a context that is over: %v", err)
	}
}

// The registry is on another node of a cluster, say, and that one hangs.
func TestARegistryThatHangsHoldsNoCall(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := &spy{}
	s.each = func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "hsetnx" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	client := f.hooked(s, queue.ClientConfig{Timeout: 3 * time.Second})
	_, err := client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"))
	f.must(err)
	_, err = client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"),
		queue.Durable(queue.Fsynced(0, time.Millisecond)))
	if err != nil && !errors.Is(err, queue.ErrNotDurable) {
		t.Error(err)
	}
	_, err = client.EnqueueMany(t.Context(), someItems(10, queue.On("others")))
	f.must(err)
	for range 100 { // it is not tried again by each of them
		_, err := client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"))
		f.must(err)
	}
	if s.count("hsetnx") > 5 {
		t.Errorf("%d tries", s.count("hsetnx"))
	}
	if f.info().Waiting < 102 {
		t.Errorf("%d jobs", f.info().Waiting)
	}
}

func TestJobsForManyNewQueuesArePipelined(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := &spy{}
	client := f.hooked(s, queue.ClientConfig{})
	items := make([]queue.Item, 1000)
	for i := range items {
		items[i] = queue.Item{Args: charge{"o", 1}, Options: []queue.EnqueueOption{queue.On(fmt.Sprint("q", i))}}
	}
	_, err := client.EnqueueMany(t.Context(), items)
	f.must(err)
	names, err := f.inspect.Queues(t.Context())
	f.must(err)
	if len(names) != len(items) || s.trips > 50 {
		t.Errorf("%d queues are known, in %d round trips", len(names), s.trips)
	}
}

// Of two items with one key the first wins, also while scripts are lost.
func TestEnqueueManyKeepsTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(string) queue.EnqueueOption{
		"unique": func(key string) queue.EnqueueOption { return queue.Unique(key, time.Hour) },
		"until":  func(key string) queue.EnqueueOption { return queue.UniqueUntilEnded(key) },
		"ID":     queue.ID,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			flushing, stop := context.WithCancel(t.Context())
			var flusher sync.WaitGroup
			flusher.Go(func() {
				for flushing.Err() == nil {
					_ = f.rdb.ScriptFlush(flushing).Err()
				}
			})
			for round := range 20 {
				items := make([]queue.Item, 0, 900)
				for i := range 300 {
					for n := range 3 {
						items = append(items, queue.Item{Args: charge{fmt.Sprint(n), 1}, Options: []queue.EnqueueOption{
							queue.On("orders"), option(fmt.Sprint("k", round, "-", i))}})
					}
				}
				results, err := f.client.EnqueueMany(t.Context(), items)
				if err != nil && !strings.Contains(err.Error(), "NOSCRIPT") {
					t.Error(err)
				}
				for i, r := range results {
					if first := results[i-i%3]; r.Err == nil && first.Err == nil && r.Duplicate != (i%3 > 0) {
						t.Fatalf("item %d of its key: %+v, the first %+v", i%3, r, first)
					}
				}
			}
			stop()
			flusher.Wait()
		})
	}
}

func TestHooksOfTheCallersClientSeeOurCommands(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := &spy{}
	client := f.hooked(s, queue.ClientConfig{})
	_, err := client.Enqueue(t.Context(), charge{"o", 1}, queue.On("orders"))
	f.must(err)
	_, err = client.Enqueue(t.Context(), charge{"o", 1}, queue.On("orders"), queue.Unique("u", time.Hour))
	f.must(err)
	alone := s.count("xadd")
	_, err = client.EnqueueMany(t.Context(), someItems(100)) // one of them may leave alone, before the others
	f.must(err)
	before := s.count("xadd")
	_, err = client.Enqueue(t.Context(), charge{"o", 1}, queue.On("orders"),
		queue.Durable(queue.Replicated(1, time.Millisecond)))
	if !errors.Is(err, queue.ErrNotDurable) {
		t.Error(err)
	}
	if alone != 1 || s.count("xadd") != before+1 || s.count("navvy.pipeline") == 0 || s.count("evalsha") == 0 ||
		s.count("wait") != 1 || s.count("hsetnx") != 1 {
		t.Errorf("it has seen %v", s.names)
	}
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	defer rdb.Close()
	ofWorker := &spy{}
	rdb.AddHook(ofWorker)
	w, err := queue.NewWorker(rdb, muxOf("payment.charge", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Observer: f.events,
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventDone, 103)
	f.must(w.Stop(t.Context()))
	if ofWorker.count("xreadgroup") < 2 || ofWorker.count("evalsha") == 0 { // one of them is the preflight's
		t.Errorf("it has seen %v", ofWorker.names)
	}
}

// What was given to the caller's client is called on goroutines of ours: a panic there is an error of the command.
func TestHooksThatPanicEndNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	client := f.hooked(&spy{each: func(context.Context, redis.Cmder) error { panic("a hook") }}, queue.ClientConfig{})
	_, err := client.Enqueue(t.Context(), charge{"o", 1}, queue.On("orders"))
	if err == nil || !strings.Contains(err.Error(), "panicked: a hook") {
		t.Errorf("got %v", err)
	}
	if _, err = client.EnqueueMany(t.Context(), someItems(10)); err == nil {
		t.Error("many were enqueued")
	}
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, OnConnect: func(context.Context, *redis.Conn) error {
		panic("a connection")
	}})
	defer rdb.Close()
	client, err = queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace})
	f.must(err)
	defer client.Close()
	_, err = client.Enqueue(t.Context(), charge{"o", 1}, queue.On("orders"))
	if err == nil || !strings.Contains(err.Error(), "panicked: a connection") {
		t.Errorf("got %v", err)
	}
}

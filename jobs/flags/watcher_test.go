package flags_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

// watched is a watcher whose callbacks are channels.
type watched struct {
	*flags.Watcher
	changes chan []string
	states  chan flags.Status
}

func watch(t *testing.T, rdb redis.UniversalClient) *watched {
	t.Helper()
	w := &watched{changes: make(chan []string, 1000), states: make(chan flags.Status, 1000)}
	w.Watcher = flags.Watch(rdb, flags.WatchConfig{
		OnChange: func(names []string) { w.changes <- names },
		OnStatus: func(status flags.Status) { w.states <- status },
	})
	t.Cleanup(w.Close)
	return w
}

// changed waits until the watcher reports a change of the flag.
func (w *watched) changed(t *testing.T, flag string) {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		select {
		case names := <-w.changes:
			if slices.Contains(names, flag) {
				return
			}
		case <-deadline:
			t.Fatalf("not notified of %s within 30 s", flag)
		}
	}
}

// stale waits until the watcher says that it is, or is not.
func (w *watched) stale(t *testing.T, want bool) flags.Status {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		select {
		case status := <-w.states:
			if status.Stale == want {
				return status
			}
		case <-deadline:
			t.Fatalf("stale is not %v within 30 s: %+v", want, w.Status())
		}
	}
}

func TestChangesOfAnyProgramAreHeardWithinATenthOfASecond(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx := t.Context()
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	var took []time.Duration
	for i := range 50 {
		flag := fmt.Sprintf("f-%d", i)
		start := time.Now()
		must(t, rdb.Set(ctx, "feature:"+flag, "1", 0).Err()) // as the article's program does
		w.changed(t, flag)
		took = append(took, time.Since(start))
		if !w.IsEnabled(ctx, flag) {
			t.Fatalf("%s is off", flag)
		}
		must(t, rdb.Del(ctx, "feature:"+flag).Err())
		w.changed(t, flag)
		if d := w.Decide(ctx, flag, ""); d.On || d.Stale {
			t.Fatalf("%s deleted: %+v", flag, d)
		}
	}
	slices.Sort(took)
	t.Logf("from write to copy: median %s, longest %s", took[len(took)/2], took[len(took)-1])
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("median %s, want less than 100 ms", median)
	}
	must(t, rdb.SAdd(ctx, "feature:f-1:users", "u-1").Err())
	w.changed(t, "f-1")
	if !w.IsEnabledForUser(ctx, "f-1", "u-1") || w.IsEnabledForUser(ctx, "f-1", "u-2") {
		t.Error("the users' list is not in the copy")
	}
}

func TestTheCopyHasEveryFlagAndAsksForStrangers(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	for i := range 250 { // more than one round trip reads
		must(t, store.Enable(ctx, fmt.Sprintf("f-%03d", i), ana))
	}
	must(t, store.SetRules(ctx, "f-007", flags.Rules{Variants: []flags.Variant{{Name: "v", Weight: 1}}}, ana))
	rdb.Set(ctx, "feature:stranger", "1", 0) // written before anybody listened, and not listed
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	for i := range 250 {
		if !w.IsEnabled(ctx, fmt.Sprintf("f-%03d", i)) {
			t.Errorf("f-%03d is off", i)
		}
	}
	if v := w.Variant(ctx, "f-007", "u-1"); v != "v" {
		t.Errorf("variant %q", v)
	}
	if !w.IsEnabled(ctx, "stranger") {
		t.Error("a flag that is not listed is off")
	}
	await(t, func() bool { return rdb.ZScore(ctx, "{feature:}:flags", "stranger").Err() == nil })
	if d := w.Decide(ctx, "nobody", ""); d.Reason != flags.Unknown || d.Err != nil {
		t.Errorf("%+v", d)
	}
	if d := w.Decide(ctx, "a b", ""); !errors.Is(d.Err, flags.ErrInvalid) {
		t.Errorf("%+v", d)
	}
}

func TestTheLastKnownValuesHoldWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := server.Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Enable(ctx, "f", ana))
	must(t, store.EnableForUser(ctx, "g", "u-1", ana))
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	server.Kill()
	if status := w.stale(t, true); !status.Ready || status.Err == nil {
		t.Errorf("status: %+v", status)
	}
	start := time.Now()
	for flag, want := range map[string]bool{"f": true, "g": true, "never_seen": false} {
		if d := w.Decide(ctx, flag, "u-1"); d.On != want || !d.Stale {
			t.Errorf("%s while Redis is away: %+v", flag, d)
		}
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("looks at a stale copy took %s", took)
	}
	must(t, server.Restart())
	must(t, store.Disable(ctx, "f", ana))
	w.stale(t, false)
	await(t, func() bool { d := w.Decide(ctx, "f", ""); return !d.On && !d.Stale })
	if !w.IsEnabledForUser(ctx, "g", "u-1") {
		t.Error("g is off after the restart")
	}
	must(t, store.Enable(ctx, "f", ana)) // its changes are received again
	await(t, func() bool { return w.IsEnabled(ctx, "f") })
}

func TestAKilledConnectionMissesNothing(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Disable(ctx, "f", ana))
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	listening := func() string { return rdb.Do(ctx, "CLIENT", "LIST", "TYPE", "pubsub").String() }
	for i := range 5 {
		before := listening()
		if killed := rdb.Do(ctx, "CLIENT", "KILL", "TYPE", "pubsub").Val(); killed != int64(1) {
			t.Fatalf("killed %v connections, want the watcher's one", killed)
		}
		change, on := store.Enable, i%2 == 0
		if !on {
			change = store.Disable
		}
		must(t, change(ctx, "f", ana)) // while nobody listens
		await(t, func() bool {
			now := listening()
			return strings.Contains(now, "id=") && strings.Fields(now)[4] != strings.Fields(before)[4]
		})
		await(t, func() bool { d := w.Decide(ctx, "f", ""); return d.On == on && !d.Stale })
	}
}

func TestLosingAllDataIsHeard(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Enable(ctx, "f", ana))
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	must(t, rdb.FlushAll(ctx).Err())
	w.changed(t, "f")
	await(t, func() bool { d := w.Decide(ctx, "f", ""); return d.Reason == flags.Unknown && !d.Stale })
}

func TestAListTooLargeToCopyIsAskedFor(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx := t.Context()
	users := make([]any, 10_001)
	for i := range users {
		users[i] = fmt.Sprintf("u-%d", i)
	}
	must(t, rdb.SAdd(ctx, "feature:f:users", users...).Err())
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	if !w.IsEnabledForUser(ctx, "f", "u-77") || w.IsEnabledForUser(ctx, "f", "stranger") || w.IsEnabled(ctx, "f") {
		t.Error("a large list is not asked for")
	}
}

func TestWhereTrackingIsForbiddenAllFlagsAreReadEachSecond(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	admin := server.Client(t)
	ctx := t.Context()
	must(t, admin.Do(ctx, "ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-client").Err())
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "app", Password: "pw"})
	defer rdb.Close()
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	must(t, flags.New(admin).Enable(ctx, "f", ana))
	await(t, func() bool { d := w.Decide(ctx, "f", ""); return d.On && !d.Stale })
}

func TestAWatcherThatNeverSawRedisSaysSo(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer rdb.Close()
	w := flags.Watch(rdb, flags.WatchConfig{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ready: %v", err)
	}
	if d := w.Decide(t.Context(), "f", "u-1"); d.On || !d.Stale || d.Reason != flags.Unknown {
		t.Errorf("%+v", d)
	}
	w.Close()
	w.Close()
	if err := w.Ready(t.Context()); !errors.Is(err, flags.ErrClosed) {
		t.Errorf("Ready after Close: %v", err)
	}
}

// Where a function of the application panics or ends its goroutine, that call of it is lost and the copy goes on.
func TestAWatchersFunctionsEndNothing(t *testing.T) {
	t.Parallel()
	for way, do := range map[string]func(){"panics": func() { panic("its own") }, "exits": runtime.Goexit} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			changes, rdb := make(chan []string, 1000), redistest.Shared(t).Client(t)
			w := flags.Watch(rdb, flags.WatchConfig{
				OnChange: func(names []string) { changes <- names; do() },
				OnStatus: func(flags.Status) { do() },
			})
			defer w.Close()
			store := flags.New(rdb)
			watcher := &watched{Watcher: w, changes: changes}
			for range 2 {
				name := redistest.Namespace()
				must(t, store.Enable(t.Context(), name, ana))
				watcher.changed(t, name)
			}
		})
	}
}

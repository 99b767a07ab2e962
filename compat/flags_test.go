package compat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

func TestFlagsAreSetByBothSides(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	store := flags.New(server.Client(t))
	peer := newPeer(t, server)
	python := peer.object("FeatureFlags")
	check := func(what, flag, user string, want bool) {
		t.Helper()
		var theirs bool
		python.call(&theirs, "is_enabled_for_user", flag, user)
		ours, err := store.IsEnabledForUser(ctx, flag, user)
		if err != nil || theirs != want || ours != want {
			t.Errorf("%s: it is %t for Python and %t for Go, want %t, %v", what, theirs, ours, want, err)
		}
	}
	by := flags.Author{By: "compat"}

	check("nobody has set it", "checkout", "ada", false)
	python.call(nil, "enable", "checkout")
	check("Python has turned it on", "checkout", "ada", true)
	must(t, store.Disable(ctx, "checkout", by))
	check("Go has turned it off", "checkout", "ada", false)
	must(t, store.Enable(ctx, "checkout", by))
	check("Go has turned it on", "checkout", "ada", true)
	python.call(nil, "disable", "checkout")
	check("Python has turned it off", "checkout", "ada", false)
	python.call(nil, "enable_for_user", "checkout", "ada")
	check("Python has turned it on for Ada", "checkout", "ada", true)
	must(t, store.EnableForUser(ctx, "checkout", "grace", by))
	check("Go has turned it on for Grace", "checkout", "grace", true)
	check("and for nobody else", "checkout", "eve", false)
	must(t, store.DisableForUser(ctx, "checkout", "ada", by))
	check("Go has turned it off for Ada", "checkout", "ada", false)
}

// Go's copy in the process has each change that Python makes within 100 ms, Python's own part of it included.
func TestGosCopyFollowsPythonsChanges(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	changed := make(chan []string, 1000)
	watcher := flags.Watch(server.Client(t), flags.WatchConfig{OnChange: func(names []string) { changed <- names }})
	t.Cleanup(watcher.Close)
	must(t, watcher.Ready(ctx))
	peer := newPeer(t, server)
	python := peer.object("FeatureFlags")

	var took []time.Duration
	until := func(method string, args []any, holds func() bool) {
		start := time.Now()
		python.call(nil, method, args...)
		for !holds() {
			select {
			case <-changed:
			case <-time.After(time.Minute):
				t.Fatalf("not heard of after a minute: %s%v", method, args)
			}
		}
		took = append(took, time.Since(start))
	}
	on := func() bool { return watcher.IsEnabled(ctx, "heard") }
	for range 20 {
		until("enable", []any{"heard"}, on)
		until("disable", []any{"heard"}, func() bool { return !on() })
	}
	until("enable_for_user", []any{"heard", "ada"}, func() bool { return watcher.IsEnabledForUser(ctx, "heard", "ada") })
	slices.Sort(took)
	median, slowest := took[len(took)/2], took[len(took)-1]
	t.Logf("of %d changes by Python, Go knew after %s (median), %s at the most", len(took), median, slowest)
	if median > 100*time.Millisecond {
		t.Errorf("Go knows of a change after %s, want 100ms or less", median)
	}
}

package ratelimit_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// TestRedisIsAway lets a server hang, as the worst of absences, and then die.
func TestRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t) // as an app makes it: ignores contexts, and waits for three seconds
	limit := ratelimit.Limit{Rate: 5, Window: time.Minute}
	closed, err := ratelimit.New(rdb, limit, ratelimit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open, err := ratelimit.New(rdb, limit, ratelimit.Options{FailOpen: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}

	freeze(t, server)
	check := func(what string) {
		t.Helper()
		began := time.Now()
		result, err := closed.Allow(t.Context(), "k")
		if result.Allowed || !errors.Is(err, ratelimit.ErrUnavailable) {
			t.Errorf("%s: got %+v (%v), want ErrUnavailable", what, result, err)
		}
		result, err = open.Allow(t.Context(), "k")
		if !result.Allowed || !result.Degraded || result.Limit != 5 || err != nil {
			t.Errorf("%s: got %+v (%v), want it to be allowed", what, result, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: two calls took %s", what, took)
		}
	}
	check("a server that hangs")
	server.Kill()
	check("no server")
	if got, want := closed.Stats(), (ratelimit.Stats{FailedClosed: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := open.Stats(), (ratelimit.Stats{FailedOpen: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if result, err := closed.Allow(t.Context(), "k"); err == nil && result.Allowed {
			return
		}
		select {
		case <-deadline:
			t.Fatal("still refused after Redis came back")
		default:
		}
	}
}

// freeze stops the server's process: connections stay, and nothing is answered.
func freeze(t *testing.T, server *redistest.Server) {
	t.Helper()
	if err := syscall.Kill(server.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

func TestAClusterThatHangsIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	if err := server.Client(t).ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}, ContextTimeoutEnabled: true})
	defer rdb.Close()
	limiter, err := ratelimit.New(rdb, ratelimit.Limit{Rate: 5, Window: time.Minute}, ratelimit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	freeze(t, server)
	began := time.Now()
	if _, err := limiter.Allow(t.Context(), "k"); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the call took %s", took)
	}
}

func TestACallersOwnEndIsNoOutage(t *testing.T) {
	t.Parallel()
	limit := ratelimit.Limit{Rate: 5, Window: time.Minute}
	limiter, err := ratelimit.New(redistest.Shared(t).Client(t), limit, ratelimit.Options{FailOpen: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := limiter.Allow(ctx, redistest.Namespace())
	if result.Allowed || !errors.Is(err, context.Canceled) || limiter.Stats() != (ratelimit.Stats{}) {
		t.Errorf("got %+v (%v), %+v", result, err, limiter.Stats())
	}
}

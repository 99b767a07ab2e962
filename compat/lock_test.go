package compat_test

import (
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
)

// That the two alternate a thousand times without ever being inside together is a test of lockmgr.
func TestLockKeepsTheOtherSideOut(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	rdb := server.Client(t)
	locks := lockmgr.New(rdb)
	t.Cleanup(locks.Close)
	peer := newPeer(t, server)
	python := peer.object("RedisLock", "compat")

	acquired, released := false, 0
	if python.call(&acquired, "acquire", false); !acquired {
		t.Fatal("Python cannot take a free lock")
	}
	if _, err := locks.TryAcquire(ctx, "compat"); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("while Python holds it, Go gets %v", err)
	}
	if python.call(&released, "release"); released != 1 {
		t.Errorf("Python released %d", released)
	}

	lock, err := locks.TryAcquire(ctx, "compat", lockmgr.TTL(300*time.Millisecond))
	must(t, err)
	tick, start := time.NewTicker(20*time.Millisecond), time.Now()
	for ; time.Since(start) < 700*time.Millisecond; <-tick.C {
		if python.call(&acquired, "acquire", false); acquired { // Go renews its lock, which the article's class cannot
			t.Fatal("while Go holds it, Python gets it")
		}
	}
	must(t, lock.Release(ctx))
	if python.call(&acquired, "acquire", false); !acquired {
		t.Error("Python cannot take the lock that Go has released")
	}
}

func TestLockOfACrashedPythonIsTakenOver(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	rdb := server.Client(t)
	locks := lockmgr.New(rdb)
	t.Cleanup(locks.Close)
	peer := newPeer(t, server)
	peer.object("RedisLock", "crashed", 1).call(nil, "acquire", false) // for 1 s
	peer.kill()
	start := time.Now()
	lock, err := locks.Acquire(ctx, "crashed")
	must(t, err)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("a lock of 1 s was taken over after %s", took)
	}
	must(t, lock.Release(ctx))
}

package lockmgr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func inspect(t *testing.T, locks *lockmgr.Manager, kind lockmgr.Kind, names ...string) []lockmgr.State {
	t.Helper()
	states, err := locks.Inspect(t.Context(), kind, names...)
	locktest.Must(t, err)
	return states
}

func TestInspectShowsTheHolderOfALock(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	lock := mustTake(t, locks, name, lockmgr.TTL(time.Minute))
	rdb.Set(t.Context(), "lock:"+name+":foreign", "someone", 0)
	rdb.HSet(t.Context(), "lock:"+name+":hash", "a", "b")

	states := inspect(t, locks, lockmgr.KindLock, name+":none", name, name+":hash", name+":foreign")
	if len(states) != 2 || states[0].Name != name || states[1].Name != name+":foreign" {
		t.Fatalf("got %+v", states)
	}
	held, foreign := states[0], states[1]
	if held.Held != 1 || held.Fence != lock.Token() || held.Waiting != 0 ||
		held.Holders[0].Left < 30*time.Second || !strings.HasSuffix(held.Holders[0].Owner, ":60000") {
		t.Errorf("got %+v", held)
	}
	if foreign.Fence != 0 || foreign.Holders[0] != (lockmgr.Holder{Owner: "someone", Left: lockmgr.Forever}) {
		t.Errorf("a lock of another program: %+v", foreign)
	}
}

func TestInspectShowsTheHoldersOfPermits(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	permits := locks.Semaphore(name, 3)
	for range 2 {
		if _, err := permits.TryAcquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	rdb.ZAdd(t.Context(), "semaphore:"+name, redis.Z{Score: 1, Member: "dead"})
	got := inspect(t, locks, lockmgr.KindSemaphore, name)
	if len(got) != 1 || got[0].Held != 2 || len(got[0].Holders) != 2 || got[0].Fence == 0 {
		t.Errorf("a semaphore: %+v", got)
	}
	writer, err := locks.RWLock(name).TryLock(t.Context())
	locktest.Must(t, err)
	if got := inspect(t, locks, lockmgr.KindRWLock, name); len(got) != 1 || got[0].Held != 1 || !got[0].Holders[0].Writer {
		t.Errorf("a writer: %+v", got)
	}
	locktest.Must(t, writer.Release(t.Context()))
	if got := inspect(t, locks, lockmgr.KindRWLock, name); len(got) != 0 {
		t.Errorf("a free lock: %+v", got)
	}
}

func TestInspectCountsFairWaiters(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	mustTake(t, locks, name, lockmgr.TTL(time.Minute))
	ended, ctx := make(chan error, 1), locktest.Bounded(t)
	go func() {
		_, err := locks.Acquire(ctx, name, lockmgr.Fair())
		ended <- err
	}()
	awaitWaiters(t, locks, name, 1)
	evict(t, locks, lockmgr.KindLock, name)
	if err := locktest.Receive(t, "the waiter returns", ended); err != nil {
		t.Errorf("the waiter: %v", err)
	}
}

// awaitWaiters waits until so many stand in a lock's fair queue.
func awaitWaiters(t *testing.T, locks *lockmgr.Manager, name string, n int64) {
	t.Helper()
	locktest.Eventually(t, fmt.Sprintf("%d wait for %s", n, name), func() bool {
		states := inspect(t, locks, lockmgr.KindLock, name)
		return len(states) == 1 && states[0].Waiting == n
	})
}

func evict(t *testing.T, locks *lockmgr.Manager, kind lockmgr.Kind, name string) {
	t.Helper()
	states := inspect(t, locks, kind, name)
	if len(states) != 1 {
		t.Fatalf("%s has no holder", name)
	}
	owner := states[0].Holders[0].Owner
	if had, err := locks.Evict(t.Context(), kind, name, owner); err != nil || !had {
		t.Fatalf("evict: %t, %v", had, err)
	}
	if had, err := locks.Evict(t.Context(), kind, name, owner); err != nil || had {
		t.Fatalf("evict again: %t, %v", had, err)
	}
}

func TestEvictTakesALockFromThatHolderAlone(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	first := mustTake(t, locks, name, lockmgr.TTL(3*time.Second))
	if had, err := locks.Evict(t.Context(), lockmgr.KindLock, name, "another"); err != nil || had {
		t.Errorf("evict another: %t, %v", had, err)
	}
	evict(t, locks, lockmgr.KindLock, name)
	second := mustTake(t, locks, name)
	if second.Token() <= first.Token() {
		t.Errorf("the token after the eviction, %d, is not above %d", second.Token(), first.Token())
	}
	locktest.Receive(t, "the context ends at the next renewal", first.Context().Done())
	if err := first.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("release by the evicted holder: got %v, want ErrLockLost", err)
	}

	permit, err := locks.Semaphore(name, 1).TryAcquire(t.Context())
	locktest.Must(t, err)
	evict(t, locks, lockmgr.KindSemaphore, name)
	if _, err := locks.Semaphore(name, 1).TryAcquire(t.Context()); err != nil {
		t.Errorf("after the eviction: %v", err)
	}
	if err := permit.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("release by the evicted holder: got %v, want ErrLockLost", err)
	}
}

func TestInspectAndEvictRefuseNonsense(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	if _, err := locks.Inspect(t.Context(), "mutex", name); !errors.Is(err, lockmgr.ErrInvalid) {
		t.Errorf("inspect a kind that is none: %v", err)
	}
	if _, err := locks.Evict(t.Context(), "mutex", name, "x"); !errors.Is(err, lockmgr.ErrInvalid) {
		t.Errorf("evict from a kind that is none: %v", err)
	}
	if _, err := locks.Evict(t.Context(), lockmgr.KindLock, "", "x"); !errors.Is(err, lockmgr.ErrInvalid) {
		t.Errorf("evict from no lock: %v", err)
	}
	if got := inspect(t, locks, lockmgr.KindLock); len(got) != 0 {
		t.Errorf("nothing: %+v", got)
	}
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer away.Close()
	if _, err := newManager(t, away).Inspect(t.Context(), lockmgr.KindLock, name); err == nil {
		t.Error("without Redis there is no error")
	}
}

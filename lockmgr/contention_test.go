package lockmgr_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// guarded is a store that refuses tokens lower than it has seen.
type guarded struct {
	sync.Mutex
	highest uint64
}

func (g *guarded) write(token uint64) bool {
	g.Lock()
	defer g.Unlock()
	if token < g.highest {
		return false
	}
	g.highest = token
	return true
}

// A holder whose renewals do not arrive stands for one that is paused or cut off.
func TestPausedHolderIsFencedOffAndItsContextEnds(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	theirs := redistest.Shared(t).Client(t)
	paused := mustTake(t, newManager(t, theirs), name, lockmgr.TTL(300*time.Millisecond))
	_ = theirs.Close()

	successor, err := locks.Acquire(locktest.Bounded(t), name)
	locktest.Must(t, err)
	if cause := context.Cause(paused.Context()); !errors.Is(cause, lockmgr.ErrLockLost) {
		t.Errorf("another holds the lock and the paused holder's context ended with %v, want ErrLockLost", cause)
	}
	var store guarded
	if !store.write(successor.Token()) || store.write(paused.Token()) {
		t.Errorf("tokens %d, then %d: the late write was let through", paused.Token(), successor.Token())
	}
}

func TestHeldLockIsRenewed(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	lock := mustTake(t, locks, name, lockmgr.TTL(150*time.Millisecond))
	until := time.Now().Add(600 * time.Millisecond)
	locktest.Eventually(t, "four TTLs pass", func() bool {
		if rdb.Exists(t.Context(), "lock:"+name).Val() != 1 || lock.Context().Err() != nil {
			t.Fatal("the lock ended while its holder lived")
		}
		return time.Now().After(until)
	})
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if cause := context.Cause(lock.Context()); cause != context.Canceled {
		t.Errorf("after the release the context ended with %v", cause)
	}
}

func TestContextEndsWhenAnotherTookTheLock(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	lock := mustTake(t, locks, name, lockmgr.TTL(300*time.Millisecond))
	rdb.Set(t.Context(), "lock:"+name, "another", time.Minute)
	locktest.Receive(t, "the context ends", lock.Context().Done())
	if cause := context.Cause(lock.Context()); !errors.Is(cause, lockmgr.ErrLockLost) {
		t.Errorf("ended with %v, want ErrLockLost", cause)
	}
	if err := lock.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("Release: got %v, want ErrLockLost", err)
	}
}

func TestTokensGrowOverExpiryAndLossOfTheLastOne(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	fence := "{lock:" + name + "}:fence"
	var last uint64
	for _, between := range []func(){
		func() {},
		func() { rdb.Del(t.Context(), "lock:"+name) },
		func() { rdb.Del(t.Context(), "lock:"+name, fence) },
		func() { rdb.Set(t.Context(), fence, strconv.FormatUint(last+1e9, 10), 0) }, // as if the clock went back
	} {
		between()
		lock := mustTake(t, locks, name)
		if lock.Token() <= last {
			t.Errorf("token %d after %d", lock.Token(), last)
		}
		last = lock.Token()
		_ = lock.Release(t.Context())
	}
	if ttl := rdb.TTL(t.Context(), fence).Val(); ttl < 6*24*time.Hour || ttl > 7*24*time.Hour {
		t.Errorf("TTL of %s: %s, want 7 days: a lock for each order must not leave a key for ever", fence, ttl)
	}
}

// The two managers have connections of their own and share nothing, like two processes.
func TestContendersOfTwoManagersAreNeverInTogether(t *testing.T) {
	t.Parallel()
	_, rdb, name := setup(t)
	managers := []*lockmgr.Manager{
		newManager(t, redistest.Shared(t).Client(t)), newManager(t, redistest.Shared(t).Client(t)),
	}
	ctx := locktest.Bounded(t)
	var store guarded
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 4 {
				err := managers[i%2].Do(ctx, name, func(ctx context.Context) error {
					if n := rdb.Incr(ctx, name+":inside").Val(); n != 1 {
						t.Errorf("%d holders at once", n)
					}
					if !store.write(lockmgr.Token(ctx)) {
						t.Error("a token was lower than one before it")
					}
					return rdb.Decr(ctx, name+":inside").Err()
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWaiterIsWokenByTheRelease(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	others := newManager(t, redistest.Shared(t).Client(t))
	ctx, quick := locktest.Bounded(t), 0
	for range 10 {
		held := mustTake(t, locks, name)
		got := make(chan time.Time, 1)
		go func() {
			lock, err := others.Acquire(ctx, name)
			got <- time.Now()
			if err == nil {
				err = lock.Release(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
			got <- time.Time{}
		}()
		locktest.Eventually(t, "the waiter listens", func() bool {
			return rdb.PubSubShardNumSub(t.Context(), "{lock:"+name+"}:free").Val()["{lock:"+name+"}:free"] == 1 ||
				rdb.PubSubNumSub(t.Context(), "{lock:"+name+"}:free").Val()["{lock:"+name+"}:free"] == 1
		})
		released := time.Now()
		locktest.Must(t, held.Release(t.Context()))
		if locktest.Receive(t, "the waiter has the lock", got).Sub(released) < 50*time.Millisecond {
			quick++
		}
		locktest.Receive(t, "the waiter has released the lock", got)
	}
	if quick < 5 {
		t.Errorf("%d of 10 waiters came within 50 ms of the release", quick)
	}
}

func TestWaiterGetsALockThatItsHolderReleasesInSilence(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	rdb.Set(t.Context(), "lock:"+name, "theirs", time.Minute)
	for _, opt := range []lockmgr.Option{lockmgr.TTL(time.Second), lockmgr.Fair()} {
		time.AfterFunc(30*time.Millisecond, func() {
			rdb.Eval(context.Background(), articleRelease, []string{"lock:" + name}, "theirs")
		})
		lock, err := locks.Acquire(locktest.Bounded(t), name, opt)
		locktest.Must(t, err)
		if err := lock.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestFairWaitersComeInOrder(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	managers := []*lockmgr.Manager{locks, newManager(t, redistest.Shared(t).Client(t))}
	held, queue := mustTake(t, locks, name), "{lock:"+name+"}:queue"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	impatient, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var order []int // guarded by the lock under test
	var wg sync.WaitGroup
	wait := func(ctx context.Context, i int) {
		note := func(context.Context) error { order = append(order, i); return nil }
		err := managers[i%2].Do(ctx, name, note, lockmgr.Fair())
		if (i == 3) != errors.Is(err, context.Canceled) {
			t.Errorf("waiter %d: %v", i, err)
		}
	}
	for i := range 8 {
		wg.Go(func() {
			if i == 3 {
				wait(impatient, i)
				return
			}
			wait(ctx, i)
		})
		locktest.Eventually(t, "the waiter stands in the queue", func() bool {
			return rdb.ZCard(ctx, queue).Val() == int64(i+1)
		})
	}
	giveUp()
	locktest.Eventually(t, "the impatient one left", func() bool { return rdb.ZCard(ctx, queue).Val() == 7 })
	rdb.ZAdd(ctx, queue, redis.Z{Score: 1, Member: "dead"}) // first in the queue, and without a lease
	if err := held.Release(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if want := []int{0, 1, 2, 4, 5, 6, 7}; !slices.Equal(order, want) {
		t.Errorf("order: %v, want %v", order, want)
	}
}

func TestDoRefusesAndReports(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	if err := locks.Do(t.Context(), name, nil); !errors.Is(err, lockmgr.ErrInvalid) {
		t.Errorf("no function: got %v, want ErrInvalid", err)
	}
	failure := errors.New("failure")
	err := locks.Do(locktest.Bounded(t), name, func(ctx context.Context) error {
		rdb.Del(ctx, "lock:"+name)
		<-ctx.Done()
		return errors.Join(failure, context.Cause(ctx))
	}, lockmgr.TTL(lockmgr.MinTTL))
	if !errors.Is(err, failure) || !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("got %v, want the failure and ErrLockLost", err)
	}
}

func TestCloseEndsHoldersAndWaiters(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	held := mustTake(t, locks, name)
	waited, ctx := make(chan error, 2), locktest.Bounded(t)
	for _, opts := range [][]lockmgr.Option{nil, {lockmgr.Fair()}} {
		go func() {
			_, err := locks.Acquire(ctx, name, opts...)
			waited <- err
		}()
	}
	locks.Close()
	for range 2 {
		if err := locktest.Receive(t, "the waiter returns", waited); !errors.Is(err, lockmgr.ErrClosed) {
			t.Errorf("waiter: got %v, want ErrClosed", err)
		}
	}
	if cause := context.Cause(held.Context()); !errors.Is(cause, lockmgr.ErrClosed) {
		t.Errorf("holder: context ended with %v, want ErrClosed", cause)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("Release after Close: %v", err)
	}
	if _, err := locks.TryAcquire(t.Context(), name); !errors.Is(err, lockmgr.ErrClosed) {
		t.Errorf("TryAcquire after Close: got %v, want ErrClosed", err)
	}
}

// newCluster returns a client of a cluster's only node, and one of the cluster.
func newCluster(t *testing.T) (*redis.Client, *redis.ClusterClient) {
	t.Helper()
	server := redistest.New(t, "--cluster-enabled", "yes")
	direct := server.Client(t)
	locktest.Must(t, direct.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	locktest.Eventually(t, "the cluster is up", func() bool {
		return strings.Contains(direct.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	return direct, rdb
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	_, rdb := newCluster(t)
	locks, ctx := newManager(t, rdb), locktest.Bounded(t)
	var wg sync.WaitGroup
	for _, name := range []string{"plain", "{tag}:a", "b:{tag}", "open{"} {
		for range 5 {
			for _, opts := range [][]lockmgr.Option{nil, {lockmgr.Fair()}} {
				wg.Go(func() {
					if err := locks.Do(ctx, name, func(context.Context) error { return nil }, opts...); err != nil {
						t.Error(err)
					}
				})
			}
			for _, take := range []func(context.Context) (*lockmgr.Lock, error){
				locks.Semaphore(name, 2).Acquire, locks.RWLock(name).Lock, locks.RWLock(name).RLock,
			} {
				wg.Go(func() {
					lock, err := take(ctx)
					if err == nil {
						err = lock.Release(ctx)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Go(func() {
			fn := func(context.Context) ([]byte, error) { return []byte("r"), nil }
			if _, _, err := locks.Once(ctx, name, "f", fn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

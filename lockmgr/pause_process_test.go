package lockmgr_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// writeScript is a store that refuses tokens lower than it has seen.
var writeScript = redis.NewScript(`
if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'token') or 0) then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'value', ARGV[2])
return 1`)

// hold takes the lock, and writes the values that it is sent, whatever has become of the lock.
func hold(ctx context.Context, c *child) error {
	lock, err := c.locks.TryAcquire(ctx, c.Name, lockmgr.TTL(c.TTL))
	if err != nil {
		return err
	}
	c.report("token", lock.Token())
	for {
		value, err := c.nextCommand()
		if err != nil {
			return err
		}
		written, err := writeScript.Run(ctx, c.rdb, []string{c.Name}, lock.Token(), value).Bool()
		if err != nil {
			return err
		}
		c.report("written", written)
		if written {
			continue
		}
		<-lock.Context().Done()
		cause, released := context.Cause(lock.Context()), lock.Release(ctx)
		c.report("lost", errors.Is(cause, lockmgr.ErrLockLost), errors.Is(released, lockmgr.ErrLockLost))
		return nil
	}
}

func TestFrozenHolderIsFencedOff(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	addr := redistest.Shared(t).Addr
	frozen := start(t, task{Do: "hold", Addr: addr, Store: addr, Name: name, TTL: 400 * time.Millisecond})
	first := parseToken(t, frozen.expect("token"))
	frozen.send("before")
	if written := frozen.expect("written"); written != "true" {
		t.Fatalf("the holder's own write: %s", written)
	}
	frozen.signal(syscall.SIGSTOP)

	successor, err := locks.Acquire(locktest.Bounded(t), name)
	locktest.Must(t, err)
	if successor.Token() <= first {
		t.Errorf("token %d after %d", successor.Token(), first)
	}
	written, err := writeScript.Run(t.Context(), rdb, []string{name}, successor.Token(), "successor").Bool()
	if err != nil || !written {
		t.Fatalf("the successor's write: %t, %v", written, err)
	}
	frozen.send("late")
	frozen.signal(syscall.SIGCONT)
	if written := frozen.expect("written"); written != "false" {
		t.Errorf("the late write was let through")
	}
	if lost := frozen.expect("lost"); lost != "true true" {
		t.Errorf("the cause is ErrLockLost, the release says ErrLockLost: got %s, want true true", lost)
	}
	if value := rdb.HGet(t.Context(), name, "value").Val(); value != "successor" {
		t.Errorf("the store has %q, want the successor's", value)
	}
	locktest.Must(t, successor.Release(t.Context()))
}

// callOnce asks from many goroutines until there is an answer. The work is visible in the store.
func callOnce(ctx context.Context, c *child) error {
	c.report("ready", os.Getpid())
	if _, err := c.nextCommand(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range c.Callers {
		wg.Go(func() {
			result, err := c.once(ctx, c.report)
			c.report("result", string(result), err)
		})
	}
	wg.Wait()
	return nil
}

// once asks until there is an answer.
func (c *child) once(ctx context.Context, report func(...any)) ([]byte, error) {
	for {
		result, _, err := c.locks.Once(ctx, c.Name, "f", func(ctx context.Context) ([]byte, error) {
			runs := c.rdb.Incr(ctx, c.Name+":runs").Val()
			select {
			case <-time.After(50 * time.Millisecond): // long enough for the others to meet it
			case <-ctx.Done():
			}
			return []byte("run-" + strconv.FormatInt(runs, 10)), nil
		}, lockmgr.TTL(c.TTL))
		if !errors.Is(err, lockmgr.ErrInProgress) {
			return result, err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func TestOnceForCallersOfFourProcesses(t *testing.T) {
	t.Parallel()
	_, rdb, key := setup(t)
	addr := redistest.Shared(t).Addr
	var all []*process
	for range 4 {
		p := start(t, task{Do: "once", Addr: addr, Store: addr, Name: key, Callers: 25, TTL: lockmgr.DefaultTTL})
		p.expect("ready")
		all = append(all, p)
	}
	for _, p := range all {
		p.send("go")
	}
	for _, p := range all {
		for range 25 {
			if result := p.expect("result"); result != "run-1 <nil>" {
				t.Errorf("a caller got %s, want the first run's", result)
			}
		}
	}
	if runs := rdb.Get(t.Context(), key+":runs").Val(); runs != "1" {
		t.Errorf("%s runs for 100 callers", runs)
	}
}

// stopInOnce does not come to the end of its work before it is sent a command.
func stopInOnce(ctx context.Context, c *child) error {
	result, replayed, err := c.locks.Once(ctx, c.Name, "f", func(ctx context.Context) ([]byte, error) {
		c.report("token", lockmgr.Token(ctx))
		_, err := c.nextCommand()
		return []byte("late"), err
	}, lockmgr.TTL(c.TTL))
	c.report("result", string(result), replayed, errors.Is(err, lockmgr.ErrLockLost))
	return nil
}

// A holder that is killed, and one that is frozen and comes back with a result when another has recorded its own.
func TestOnceIsTakenOverFromAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			locks, _, key := setup(t)
			addr, ttl := redistest.Shared(t).Addr, 500*time.Millisecond
			gone := start(t, task{Do: "stop in once", Addr: addr, Store: addr, Name: key, TTL: ttl})
			first := parseToken(t, gone.expect("token"))
			gone.signal(sig)
			struck := time.Now()
			if _, _, err := locks.Once(t.Context(), key, "another", unreachable(t)); !errors.Is(err, lockmgr.ErrKeyReused) {
				t.Errorf("another fingerprint: got %v, want ErrKeyReused", err)
			}
			successor := takeOver(t, locks, key)
			if took := time.Since(struck); successor <= first || took > 5*time.Second {
				t.Errorf("token %d after %d, %s after the holder was gone", successor, first, took)
			}
			if sig == syscall.SIGSTOP {
				gone.send("go on")
				gone.signal(syscall.SIGCONT)
				if late := gone.expect("result"); late != "late false true" {
					t.Errorf("the late one got %s, want its own result and ErrLockLost", late)
				}
			}
			result, replayed, err := locks.Once(t.Context(), key, "f", unreachable(t))
			if string(result) != "successor" || !replayed || err != nil {
				t.Errorf("got %q, %t, %v: want the successor's result", result, replayed, err)
			}
		})
	}
}

// takeOver asks until the work is this process's own, and returns its token.
func takeOver(t *testing.T, locks *lockmgr.Manager, key string) (token uint64) {
	t.Helper()
	locktest.Eventually(t, "the lease ends", func() bool {
		_, _, err := locks.Once(t.Context(), key, "f", func(ctx context.Context) ([]byte, error) {
			token = lockmgr.Token(ctx)
			return []byte("successor"), nil
		})
		if err != nil && !errors.Is(err, lockmgr.ErrInProgress) {
			t.Fatal(err)
		}
		return err == nil
	})
	return token
}

func parseToken(t *testing.T, text string) uint64 {
	t.Helper()
	token, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	locktest.Must(t, err)
	if token == 0 {
		t.Fatal(fmt.Errorf("token %q", text))
	}
	return token
}

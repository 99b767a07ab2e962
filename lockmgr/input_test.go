package lockmgr_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	ctx := t.Context()
	none := func(context.Context) error { t.Error("the function ran"); return nil }
	lock := func(call func() (*lockmgr.Lock, error)) error { _, err := call(); return err }
	long := strings.Repeat("n", lockmgr.MaxName+1)
	taking := map[string]func(name string, opts ...lockmgr.Option) error{
		"TryAcquire": func(name string, opts ...lockmgr.Option) error {
			return lock(func() (*lockmgr.Lock, error) { return locks.TryAcquire(ctx, name, opts...) })
		},
		"Acquire": func(name string, opts ...lockmgr.Option) error {
			return lock(func() (*lockmgr.Lock, error) { return locks.Acquire(ctx, name, opts...) })
		},
		"Do": func(name string, opts ...lockmgr.Option) error { return locks.Do(ctx, name, none, opts...) },
		"Semaphore": func(name string, opts ...lockmgr.Option) error {
			return lock(func() (*lockmgr.Lock, error) { return locks.Semaphore(name, 1, opts...).Acquire(ctx) })
		},
		"RWLock": func(name string, opts ...lockmgr.Option) error {
			return lock(func() (*lockmgr.Lock, error) { return locks.RWLock(name, opts...).RLock(ctx) })
		},
	}
	for what, take := range taking {
		for fault, test := range map[string]struct {
			name string
			opt  lockmgr.Option
			want string
		}{
			"empty name":         {"", lockmgr.TTL(time.Second), "name must not be empty"},
			"long name":          {long, lockmgr.TTL(time.Second), "name has 1025 bytes, at most 1024"},
			"only a }":           {"a}b", lockmgr.TTL(time.Second), "closes no {tag}"},
			"} before {":         {"}{", lockmgr.TTL(time.Second), "closes no {tag}"},
			"empty tag":          {"a{}b", lockmgr.TTL(time.Second), "closes no {tag}"},
			"TTL just too low":   {name, lockmgr.TTL(lockmgr.MinTTL - 1), "must be at least 100ms"},
			"TTL of 0":           {name, lockmgr.TTL(0), "must be at least 100ms"},
			"TTL below 0":        {name, lockmgr.TTL(-time.Second), "must be at least 100ms"},
			"option that is nil": {name, nil, "nil option"},
		} {
			t.Run(what+", "+fault, func(t *testing.T) {
				err := take(test.name, test.opt)
				if !errors.Is(err, lockmgr.ErrInvalid) || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 300 {
					t.Errorf("got %v, want ErrInvalid and %q", err, test.want)
				}
			})
		}
	}
	for _, permits := range []int{0, -1} {
		if _, err := locks.Semaphore(name, permits).TryAcquire(ctx); !errors.Is(err, lockmgr.ErrInvalid) {
			t.Errorf("%d permits: got %v, want ErrInvalid", permits, err)
		}
	}
	if err := locks.Do(ctx, name, nil); !errors.Is(err, lockmgr.ErrInvalid) {
		t.Errorf("no function: got %v, want ErrInvalid", err)
	}
}

// Every name that is let through works, with its companions in its slot.
func TestOddNamesWork(t *testing.T) {
	t.Parallel()
	locks, _, unique := setup(t)
	long := strings.Repeat("n", lockmgr.MaxName-30)
	for _, odd := range []string{"{", "a{b", "{{a}", "{a}}", "a b\n\x00", "ключ", long} {
		name := unique + odd
		for _, opts := range [][]lockmgr.Option{nil, {lockmgr.Fair()}} {
			if err := locks.Do(locktest.Bounded(t), name, func(context.Context) error { return nil }, opts...); err != nil {
				t.Errorf("name %.20q: %v", name, err)
			}
		}
	}
}

package lease_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// renewals counts renewals, and answers as it is set.
type renewals struct {
	count atomic.Int64
	held  bool
	err   error
}

func (r *renewals) renew(context.Context) (bool, error) {
	r.count.Add(1)
	return r.held, r.err
}

func TestLeaseIsRenewedAtEachThird(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &renewals{held: true}
		l := lease.Start(t.Context(), time.Now(), 3*time.Second, r.renew)
		<-time.After(10*time.Second + 500*time.Millisecond)
		if n := r.count.Load(); n != 10 || l.Context().Err() != nil {
			t.Errorf("%d renewals in 10 s (context: %v), want 10", n, l.Context().Err())
		}
		stopped := errors.New("stopped")
		l.Stop(stopped)
		if cause := context.Cause(l.Context()); cause != stopped {
			t.Errorf("ended with %v, want the cause of the stop", cause)
		}
	})
}

// The end is a tenth of the TTL early, and counts from when the lock was asked for.
func TestLeaseEndsBeforeRedisLetsGo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		renewals *renewals
		after    time.Duration // from the start; it was sent 1 s before
	}{
		"Redis does not answer": {&renewals{err: errors.New("away")}, 8 * time.Second},
		"another has it":        {&renewals{held: false}, 10 * time.Second / 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				l := lease.Start(t.Context(), began.Add(-time.Second), 10*time.Second, test.renewals.renew)
				<-l.Context().Done()
				if took := time.Since(began); took != test.after {
					t.Errorf("ended after %s, want %s", took, test.after)
				}
				if cause := context.Cause(l.Context()); !errors.Is(cause, lease.ErrLost) {
					t.Errorf("ended with %v, want ErrLost", cause)
				}
				l.Stop(context.Canceled)
			})
		})
	}
}

func TestLeaseIsTriedMoreOftenAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &renewals{err: errors.New("away")}
		l := lease.Start(t.Context(), time.Now(), 10*time.Second, r.renew)
		<-l.Context().Done() // after 9 s: tries at 3.3 s and each half second from then on
		if n := r.count.Load(); n != 12 {
			t.Errorf("%d tries, want 12", n)
		}
		l.Stop(context.Canceled)
	})
}

func TestWorkEndsWithTheLease(t *testing.T) {
	t.Parallel()
	r := &renewals{held: true}
	l := lease.Start(t.Context(), time.Now(), time.Minute, r.renew)
	work, end := l.Within(lease.WithToken(t.Context(), 7))
	defer end()
	if token := lease.Token(work); token != 7 || work.Err() != nil {
		t.Errorf("token %d (context: %v), want 7", token, work.Err())
	}
	l.Stop(lease.ErrLost)
	select {
	case <-work.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the work's context did not end within 10 s of the lease")
	}
	if cause := context.Cause(work); !errors.Is(cause, lease.ErrLost) {
		t.Errorf("ended with %v, want ErrLost", cause)
	}
}

func TestClosedSetEndsItsLeases(t *testing.T) {
	t.Parallel()
	var set lease.Set
	r := &renewals{held: true}
	start := func() *lease.Lease { return lease.Start(t.Context(), time.Now(), time.Minute, r.renew) }
	ended, kept, late := start(), start(), start()
	for _, l := range []*lease.Lease{ended, kept} {
		if !set.Add(l) {
			t.Fatal("an open set refused a lease")
		}
	}
	set.End(ended)
	set.Close()
	if set.Add(late) {
		t.Error("a closed set took a lease")
	}
	late.Stop(context.Canceled)
	for what, test := range map[string]struct {
		lease *lease.Lease
		want  error
	}{"ended before": {ended, context.Canceled}, "ended by Close": {kept, lease.ErrClosed}} {
		if cause := context.Cause(test.lease.Context()); !errors.Is(cause, test.want) {
			t.Errorf("%s: got %v, want %v", what, cause, test.want)
		}
	}
}

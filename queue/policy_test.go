package queue

import (
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func TestJobsPolicyGoesOverItsKinds(t *testing.T) {
	t.Parallel()
	own := func(int, error) time.Duration { return time.Hour }
	kind := &Policy{MaxAttempts: 9, Timeout: time.Minute, BackoffMin: time.Second, BackoffMax: time.Hour, backoff: own}
	if jobPolicy(&wire.Meta{Attempt: 3, Unique: "u"}, kind) != kind {
		t.Error("a job without a policy has one")
	}
	var m wire.Meta
	setPolicy(&m, &Policy{MaxAttempts: 2, Timeout: 3 * time.Second, BackoffMin: 4 * time.Second,
		BackoffMax: 5 * time.Second, Retain: 6 * time.Second})
	got := jobPolicy(&m, kind)
	if got.MaxAttempts != 2 || got.Timeout != 3*time.Second || got.BackoffMin != 4*time.Second ||
		got.BackoffMax != 5*time.Second || got.Retain != 6*time.Second {
		t.Errorf("got %+v", got)
	}
	if got.backoff != nil {
		t.Error("the kind's function goes before the job's own backoff")
	}
	if got := jobPolicy(&wire.Meta{MaxAttempts: 1}, kind); got.MaxAttempts != 1 || got.Timeout != time.Minute ||
		got.backoff == nil {
		t.Errorf("with max attempts alone: %+v", got)
	}
	if kind.MaxAttempts != 9 || kind.backoff == nil {
		t.Error("the kind's policy was written to")
	}
}

package session_test

import (
	"testing"

	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/queue"
)

func TestSweepAndRevokeJobs(t *testing.T) {
	t.Parallel()
	r, mux := sharedRig(t), queue.NewMux()
	r.Register(mux)
	fleet := jobtest.Start(t, r.rdb, mux, nil)
	run := func(args queue.Args, want queue.EventType) {
		t.Helper()
		if e := fleet.Run(t, args); e.Type != want {
			t.Errorf("%s ended as %s: %v", args.Kind(), e.Type, e.Err)
		}
	}
	index := func() int64 { return r.rdb.ZCard(t.Context(), "sessions:user:"+r.user).Val() }
	idle, one, rest := r.create(t), r.create(t), r.create(t)
	must(t, r.rdb.Del(t.Context(), "session:"+idle.ID).Err())
	run(session.Sweep{}, queue.EventDone)
	if index() != 2 {
		t.Errorf("%d in the index after a sweep, want 2", index())
	}
	run(session.Revoke{SessionID: one.ID}, queue.EventDone)
	if r.lives(t, one.ID) || !r.lives(t, rest.ID) || index() != 1 {
		t.Error("not exactly the one session was revoked")
	}
	run(session.Revoke{UserID: r.user}, queue.EventDone)
	if r.lives(t, rest.ID) || index() != 0 {
		t.Error("the user is still signed in")
	}
	run(session.Revoke{}, queue.EventDead)
	run(session.Revoke{UserID: "u", SessionID: rest.ID}, queue.EventDead)
}

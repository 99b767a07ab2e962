package inspect_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
)

// A worker that lives keeps its job: it is notified of a cancellation, and nothing takes the job from it but a burial
// or a deletion.
func TestActionsOnAJobThatALivingWorkerHolds(t *testing.T) {
	t.Parallel()
	for action, want := range map[inspect.Action]struct {
		state inspect.State
		err   error
	}{
		inspect.ActionCancel:  {inspect.StateInFlight, nil},
		inspect.ActionBury:    {inspect.StateDead, nil},
		inspect.ActionRelease: {inspect.StateInFlight, inspect.ErrHeld},
		inspect.ActionDelete:  {gone, nil},
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.lease(nobody, time.Hour) // it lives, after all
			id := w.inState(inspect.StateInFlight)
			err := w.look.Do(inspect.WithActor(t.Context(), "eve"), "orders", id, action)
			if !errors.Is(err, want.err) {
				t.Errorf("got %v", err)
			}
			w.isIn(id, want.state)
			job, _ := w.look.Job(t.Context(), "orders", id)
			if cancelled := action == inspect.ActionCancel; (job.Cancelled != nil) != cancelled || cancelled &&
				job.Cancelled.By != "eve" {
				t.Errorf("cancelled %+v", job.Cancelled)
			}
			if action == inspect.ActionBury && job.Error != "cancelled by eve" {
				t.Errorf("error %q", job.Error)
			}
		})
	}
}

// beforeScript calls a function before the first script that a client sends.
type beforeScript struct{ call func() }

func (b *beforeScript) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *beforeScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			b.first()
		}
		return next(ctx, cmd)
	}
}

func (b *beforeScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return strings.HasPrefix(cmd.Name(), "eval") }) {
			b.first()
		}
		return next(ctx, cmds)
	}
}

func (b *beforeScript) first() {
	if call := b.call; call != nil {
		b.call = nil
		call()
	}
}

// A job that leaves between the look and the step is followed, or not found: it is never acted on where it was.
func TestActionsOnAJobThatMovesMeanwhile(t *testing.T) {
	t.Parallel()
	toDead := func(w *world, id string) { w.must(w.look.Bury(w.Context(), "orders", id)) }
	remove := func(w *world, id string) { w.must(w.look.Delete(w.Context(), "orders", id)) }
	requeue := func(w *world, id string) { w.must(w.look.Requeue(w.Context(), "orders", id)) }
	deliver := func(w *world, _ string) { w.hold(nobody) }
	for name, c := range map[string]struct {
		action inspect.Action
		from   inspect.State
		move   func(w *world, id string)
		found  bool
		to     inspect.State
	}{
		"cancel what is buried":  {inspect.ActionCancel, inspect.StateWaiting, toDead, false, inspect.StateDead},
		"cancel what is deleted": {inspect.ActionCancel, inspect.StateDelayed, remove, false, gone},
		"cancel what comes to run": {
			inspect.ActionCancel, inspect.StateWaiting, deliver, true, inspect.StateCancelled,
		},
		"bury what is buried":            {inspect.ActionBury, inspect.StateRetrying, toDead, false, inspect.StateDead},
		"requeue what is requeued":       {inspect.ActionRequeue, inspect.StateDead, requeue, false, inspect.StateWaiting},
		"run now what is deleted":        {inspect.ActionRunNow, inspect.StateDelayed, remove, false, gone},
		"release what is buried":         {inspect.ActionRelease, inspect.StateInFlight, toDead, false, inspect.StateDead},
		"delete what is deleted":         {inspect.ActionDelete, inspect.StateDead, remove, false, gone},
		"delete what is requeued":        {inspect.ActionDelete, inspect.StateDead, requeue, false, inspect.StateWaiting},
		"delete what comes to run":       {inspect.ActionDelete, inspect.StateWaiting, deliver, true, gone},
		"delete what was never in Redis": {inspect.ActionDelete, "", nil, false, gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := "01M83YSTZBJRQTVETPANJB7QKC"
			rdb := redistest.Shared(t).Client(t)
			if c.move != nil {
				id = w.inState(c.from)
				rdb.AddHook(&beforeScript{call: func() { c.move(w, id) }})
			}
			insp, err := inspect.New(rdb, inspect.Config{Namespace: w.namespace})
			w.must(err)
			err = insp.Do(t.Context(), "orders", id, c.action)
			if found := err == nil; found != c.found || !found && !errors.Is(err, inspect.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			w.isIn(id, c.to)
		})
	}
}

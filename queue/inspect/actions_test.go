package inspect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// gone is the state of a job that is nowhere.
const gone = inspect.State("gone")

// afterwards is where each action brings a job that was in a state; what is not here, the action is not for.
var afterwards = map[inspect.Action]map[inspect.State]inspect.State{
	inspect.ActionRequeue: {
		inspect.StateDead: inspect.StateWaiting, inspect.StateCancelled: inspect.StateWaiting,
	},
	inspect.ActionRunNow: {
		inspect.StateDelayed: inspect.StateWaiting, inspect.StateRetrying: inspect.StateWaiting,
	},
	inspect.ActionCancel: {
		inspect.StateWaiting: inspect.StateCancelled, inspect.StateInFlight: inspect.StateCancelled,
		inspect.StateDelayed: inspect.StateCancelled, inspect.StateRetrying: inspect.StateCancelled,
	},
	inspect.ActionBury: {
		inspect.StateWaiting: inspect.StateDead, inspect.StateInFlight: inspect.StateDead,
		inspect.StateDelayed: inspect.StateDead, inspect.StateRetrying: inspect.StateDead,
	},
	inspect.ActionRelease: {inspect.StateInFlight: inspect.StateInFlight},
	inspect.ActionDelete: {
		inspect.StateWaiting: gone, inspect.StateInFlight: gone, inspect.StateDelayed: gone, inspect.StateRetrying: gone,
		inspect.StateDead: gone, inspect.StateCancelled: gone, inspect.StateExpired: gone,
	},
}

func TestEveryActionOnEveryState(t *testing.T) {
	t.Parallel()
	for _, action := range inspect.Actions() {
		for _, state := range inspect.States() {
			t.Run(action.Label()+" "+state.Label(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				id := w.inState(state)
				if got := w.job(id).State; got != state {
					t.Fatalf("the job is %s", got)
				}
				want, applies := afterwards[action][state]
				if applies != action.AppliesTo(state) || applies != slices.Contains(state.Actions(), action) {
					t.Errorf("the table says %t, AppliesTo %t, Actions %v", applies, action.AppliesTo(state), state.Actions())
				}
				err := w.look.Do(t.Context(), "orders", id, action)
				if action == inspect.ActionDelete && state == inspect.StateDone {
					want, applies = gone, true // by its ID a record is deleted too, though not by a query
				}
				if !applies {
					if !errors.Is(err, inspect.ErrNotFound) {
						t.Errorf("got %v, want that it is not found", err)
					}
					want = state
				} else if err != nil {
					t.Error(err)
				}
				w.isIn(id, want)
				if audit, err := w.look.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
					t.Errorf("the accounts: %+v, %v", audit, err)
				}
			})
		}
	}
}

// isIn checks where a job is.
func (w *world) isIn(id string, want inspect.State) {
	w.Helper()
	job, err := w.look.Job(w.Context(), "orders", id)
	switch {
	case want == gone && !errors.Is(err, inspect.ErrNotFound):
		w.Errorf("it is %s, want that it is gone; %v", job.State, err)
	case want != gone && (err != nil || job.State != want):
		w.Errorf("it is %q, want %s; %v", job.State, want, err)
	}
}

func TestWhatActionsDoToAJob(t *testing.T) {
	t.Parallel()
	t.Run("run now needs no worker", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.inState(inspect.StateDelayed)
		all := inspect.Query{State: inspect.StateDelayed}
		result, err := w.look.Act(t.Context(), "orders", all, inspect.ActionRunNow, nil)
		info, err2 := w.look.Queue(t.Context(), "orders")
		if w.must(errors.Join(err, err2)); result.Done != 1 || info.Waiting != 1 || info.Delayed != 0 ||
			!strings.Contains(info.Obstacle(), "no worker") {
			t.Errorf("%+v: %+v, %q", result, info, info.Obstacle())
		}
		w.must(w.look.Pause(t.Context(), "orders"))
		if info, err = w.look.Queue(t.Context(), "orders"); err != nil || !strings.Contains(info.Obstacle(), "paused") {
			t.Errorf("paused: %q, %v", info.Obstacle(), err)
		}
	})
	t.Run("release parks it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.inState(inspect.StateInFlight)
		if job := w.job(id); job.Parked || job.Heartbeat != inspect.HeartbeatGone || job.Worker != nobody {
			t.Errorf("before: %+v", job)
		}
		w.must(w.look.Do(t.Context(), "orders", id, inspect.ActionRelease))
		job := w.job(id)
		if !job.Parked || job.Heartbeat != inspect.HeartbeatParked || !inspect.IsParking(job.Worker) || job.Crashes != 0 {
			t.Errorf("after: %+v", job)
		}
		w.must(w.look.Do(t.Context(), "orders", id, inspect.ActionRelease)) // again: nothing more to do
		if again := w.job(id); again.Crashes != 0 {
			t.Errorf("released twice it has %d crashes", again.Crashes)
		}
	})
	t.Run("cancel says who did it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.inState(inspect.StateWaiting)
		w.must(w.look.Do(inspect.WithActor(t.Context(), "ann"), "orders", id, inspect.ActionCancel))
		job := w.job(id)
		if job.Reason != inspect.ReasonByPerson || job.Error != "cancelled by ann" || job.EndedAt == nil {
			t.Errorf("got %+v", job)
		}
	})
	t.Run("requeue gives all attempts back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.inState(inspect.StateDead)
		if job := w.job(id); job.Attempt != 1 || job.Error != "card declined" {
			t.Errorf("before: %+v", job)
		}
		w.must(w.look.Do(t.Context(), "orders", id, inspect.ActionRequeue))
		if job := w.job(id); job.Attempt != 0 || job.Error != "" || job.Redelivered != 0 {
			t.Errorf("after: %+v", job)
		}
	})
}

func TestDoRefusesWhatIsNoAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.inState(inspect.StateWaiting)
	for _, action := range []inspect.Action{"", "explode", "Cancel", "run now"} {
		err := w.look.Do(t.Context(), "orders", id, action)
		if err == nil || !strings.Contains(err.Error(), "no such action") || !strings.Contains(err.Error(), "requeue") {
			t.Errorf("%q: got %v", action, err)
		}
		if action.AppliesTo(inspect.StateWaiting) {
			t.Errorf("%q applies", action)
		}
	}
	w.isIn(id, inspect.StateWaiting)
	for _, action := range inspect.Actions() {
		if err := w.look.Do(t.Context(), "orders", "nope", action); !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s of no job: %v", action, err)
		}
		if err := w.look.Do(t.Context(), "nowhere", id, action); !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s in no queue: %v", action, err)
		}
	}
}

func TestBulkActionsNeedAStateThatTheyAreFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.inState(inspect.StateWaiting)
	}
	for _, state := range append(inspect.States(), "nonsense") {
		for _, action := range inspect.Actions() {
			result, err := w.look.Act(t.Context(), "orders", inspect.Query{State: state, Kind: "none"}, action, nil)
			if applies := action.AppliesTo(state) && state.Listed(); applies != (err == nil) {
				t.Errorf("%s of %s: %+v, %v", action, state, result, err)
			}
		}
	}
	looks := 0
	result, err := w.look.Act(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.ActionBury,
		func(inspect.BulkResult) { looks++ })
	if err != nil || result.Done != 3 || result.Total != 3 || result.Looked != 3 || looks == 0 {
		t.Errorf("got %+v after %d looks, %v", result, looks, err)
	}
}

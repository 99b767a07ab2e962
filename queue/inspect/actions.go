package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Action is what a person can do to a job, or to all that match a query.
type Action string

// The actions.
const (
	ActionRequeue Action = "requeue" // see [Inspector.Requeue]
	ActionRunNow  Action = "run_now" // see [Inspector.RunNow]
	ActionCancel  Action = "cancel"  // see [Inspector.Cancel]
	ActionBury    Action = "bury"    // see [Inspector.Bury]
	ActionRelease Action = "release" // see [Inspector.Release]
	ActionDelete  Action = "delete"  // see [Inspector.Delete]
)

// action is what there is to know about an action.
type action struct {
	action Action
	states []State // of the jobs that it is for

	// do acts on one job, wherever it is; command is the same for a job where it was last seen, in a pipeline.
	do      func(i *Inspector, ctx context.Context, queue, id string) error
	command func(i *Inspector, ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo) wire.VerdictCmd
}

// actions is the table of actions. A new action is a row here and a file of its own.
var actions = [...]action{
	{ActionRequeue, []State{StateDead, StateCancelled}, (*Inspector).Requeue, (*Inspector).requeueJob},
	{ActionRunNow, []State{StateDelayed, StateRetrying}, (*Inspector).RunNow, (*Inspector).runJobNow},
	{ActionCancel, goingOn, (*Inspector).Cancel, (*Inspector).cancelJob},
	{ActionBury, goingOn, (*Inspector).Bury, (*Inspector).buryJob},
	{ActionRelease, []State{StateInFlight}, (*Inspector).Release, (*Inspector).releaseJob},
	{ActionDelete, everywhere, (*Inspector).Delete, (*Inspector).deleteJob},
}

// goingOn are the states of jobs that have not ended.
var goingOn = []State{StateWaiting, StateInFlight, StateDelayed, StateRetrying}

// everywhere are the states of jobs that are listed.
var everywhere = append(slices.Clone(goingOn), StateDead, StateCancelled, StateExpired)

// Actions lists the actions.
func Actions() []Action {
	all := make([]Action, len(actions))
	for k := range actions {
		all[k] = actions[k].action
	}
	return all
}

// Label is the action in words.
func (a Action) Label() string { return strings.ReplaceAll(string(a), "_", " ") }

// AppliesTo reports whether the action is one for jobs in a state.
func (a Action) AppliesTo(s State) bool {
	row := a.row()
	return row != nil && slices.Contains(row.states, s)
}

// Starts reports whether jobs are to run after the action: they wait for a worker, see [QueueInfo.Obstacle].
func (a Action) Starts() bool { return a == ActionRequeue || a == ActionRunNow || a == ActionRelease }

func (a Action) row() *action {
	k := slices.IndexFunc(actions[:], func(row action) bool { return row.action == a })
	if k < 0 {
		return nil
	}
	return &actions[k]
}

// Do does an action to one job: it is the method that the action is named after, for callers that have the action as
// data. The errors are that method's.
func (i *Inspector) Do(ctx context.Context, queue, id string, a Action) error {
	row := a.row()
	if row == nil {
		return wrapAction(string(a), queue, id, fmt.Errorf("there is no such action: want one of %v", Actions()))
	}
	return row.do(i, ctx, queue, id)
}

// movePatience is how long an action on one job waits for a slot that moves to another node of a cluster.
const movePatience = 2 * time.Second

// decide calls the script of an action on one job, and again while its slot moves.
func (i *Inspector) decide(ctx context.Context, call func() wire.VerdictCmd) error {
	ctx, cancel := context.WithTimeout(ctx, movePatience)
	defer cancel()
	return redisx.WaitOutMove(ctx, func() error { return verdictOf(call()) })
}

// verdictOf makes an error of what a script says about a job.
func verdictOf(c wire.VerdictCmd) error {
	switch verdict, err := c.Result(); {
	case err != nil:
		return err
	case verdict == wire.VerdictNotFound:
		return ErrNotFound
	case verdict == wire.VerdictHeld:
		return ErrHeld
	}
	return nil
}

func wrapAction(action, queue, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %s job %s of %s: %w", action, id, queue, err)
}

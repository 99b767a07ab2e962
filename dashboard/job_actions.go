package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/queue"
)

const (
	selectedMost = 1000
	countedMost  = 50_000 // jobs looked at before an action on all that match asks for confirmation
)

// choiceOfAction is an action as a list offers it.
type choiceOfAction struct {
	Name   queue.Action
	Label  string
	Does   string
	Danger bool // what it destroys cannot be brought back
}

var allActions = []choiceOfAction{
	{queue.ActionRequeue, "Requeue", "Enqueue again, with all attempts", false},
	{queue.ActionRunNow, "Run now", "Make due at once", false},
	{queue.ActionRelease, "Release", "Hand to the next free worker; refused while its own worker lives", false},
	{queue.ActionCancel, "Cancel", "Stop it and send it to dead, from where it can be requeued", false},
	{queue.ActionBury, "Send to dead", "Send to dead at once; a handler that runs is told to stop", false},
	{queue.ActionDelete, "Delete", "Remove for good", true},
}

// actionsFor lists what can be done to jobs of a state.
func actionsFor(state queue.State) []choiceOfAction {
	var suited []choiceOfAction
	for _, a := range allActions {
		if a.Name.AppliesTo(state) {
			suited = append(suited, a)
		}
	}
	return suited
}

// order is what an operator's form asks for.
type order struct {
	action choiceOfAction
	queue  string
	state  queue.State
	ids    []string // selected; none for all that match
	filter string
}

func readOrder(r *http.Request) (order, error) {
	o := order{queue: r.PostFormValue("queue"), state: queue.State(r.PostFormValue("state")), filter: strings.TrimSpace(r.PostFormValue("filter"))}
	for _, a := range actionsFor(o.state) {
		if string(a.Name) == r.PostFormValue("action") {
			o.action = a
		}
	}
	if o.action.Name == "" {
		return o, badQuery("%q is nothing to do to %s jobs", r.PostFormValue("action"), o.state)
	}
	switch r.PostFormValue("scope") {
	case "matching":
		return o, nil
	case "selected", "":
		o.ids = r.PostForm["id"]
	default:
		return o, badQuery("scope is selected or matching")
	}
	switch {
	case len(o.ids) == 0:
		return o, badQuery("no job is selected")
	case len(o.ids) > selectedMost:
		return o, badQuery("%d jobs are selected, and %d is the most: filter, and act on all that match", len(o.ids), selectedMost)
	}
	return o, nil
}

// actOnJobs does what a list's or a job's form asks for.
func (d *Dashboard) actOnJobs(r *http.Request, user User) (notice, error) {
	o, err := readOrder(r)
	if err != nil {
		return notice{}, err
	}
	if o.ids == nil {
		return d.actOnMatching(r, user, o)
	}
	if o.action.Danger {
		if err := confirmed(r, o.ask(plural(int64(len(o.ids)), "job", "jobs"), "")); err != nil {
			return notice{}, err
		}
	}
	return d.actOnSelected(r.Context(), user, o)
}

// ask asks before an action on so many jobs.
func (o order) ask(many, remark string) ask {
	a := ask{Title: o.action.Label, Button: o.action.Label, Says: fmt.Sprintf("%s: %s %s of %s. %s", o.action.Label, many, describe(o.state), o.queue, remark)}
	if o.action.Danger {
		a.Word = o.queue
		a.Says += " This cannot be undone."
	}
	return a
}

func describe(state queue.State) string {
	if state == queue.StateInFlight {
		return "in flight"
	}
	return string(state)
}

func (d *Dashboard) actOnSelected(ctx context.Context, user User, o order) (notice, error) {
	ctx = queue.WithActor(ctx, user.Name)
	var done []string
	var failures []error
	for _, id := range o.ids {
		if err := d.actOnOne(ctx, o, id); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", id, err))
			continue
		}
		done = append(done, id)
	}
	if len(done) > 0 {
		d.audit(ctx, user, "job."+string(o.action.Name), o.queue, strings.Join(done[:min(len(done), 20)], " ")+more(len(done)-20))
	}
	told := notice{Text: fmt.Sprintf("%s: %s.", o.action.Label, plural(int64(len(done)), "job", "jobs"))}
	if len(failures) > 0 {
		if len(done) == 0 {
			return notice{}, failures[0]
		}
		told.Text += fmt.Sprintf(" %s not: %s", plural(int64(len(failures)), "job was", "jobs were"), failures[0])
	}
	told.Undo = o.undo(done)
	return told, nil
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

func (d *Dashboard) actOnOne(ctx context.Context, o order, id string) error {
	switch o.action.Name {
	case queue.ActionRequeue:
		return d.inspector.Requeue(ctx, o.queue, id)
	case queue.ActionRunNow:
		return d.inspector.RunNow(ctx, o.queue, id)
	case queue.ActionRelease:
		return d.inspector.Release(ctx, o.queue, id)
	case queue.ActionCancel:
		return d.inspector.Cancel(ctx, o.queue, id)
	case queue.ActionBury:
		return d.inspector.Bury(ctx, o.queue, id)
	case queue.ActionDelete:
		return d.inspector.Delete(ctx, o.queue, id)
	}
	return errors.New("there is no such action")
}

// undo offers what takes the action back for one job: a job that was sent to dead comes back by Requeue.
func (o order) undo(done []string) *undo {
	back := map[queue.Action]queue.Action{queue.ActionCancel: queue.ActionRequeue, queue.ActionBury: queue.ActionRequeue}[o.action.Name]
	if back == "" || len(done) != 1 {
		return nil
	}
	return &undo{"/jobs/act", map[string]string{
		"queue": o.queue, "state": string(queue.StateDead), "action": string(back), "scope": "selected", "id": done[0],
	}}
}

// actOnMatching counts first, asks, and then works through the jobs, going on when the page has been left.
func (d *Dashboard) actOnMatching(r *http.Request, user User, o order) (notice, error) {
	query, err := parseFilter(o.filter, o.state)
	if err != nil {
		return notice{}, err
	}
	counted, err := d.inspector.CountMatching(r.Context(), o.queue, query, countedMost)
	if err != nil {
		return notice{}, err
	}
	many := plural(counted.Matched, "job", "jobs")
	if counted.Truncated {
		many = fmt.Sprintf("at least %s (of the first %s looked at)", many, count(counted.Scanned))
	}
	remark := "All of them."
	if o.filter != "" {
		remark = "They match " + o.filter + "."
	}
	if err := confirmed(r, o.ask(many, remark)); err != nil {
		return notice{}, err
	}
	d.audit(r.Context(), user, "jobs."+string(o.action.Name), o.queue, audit.Matching(o.state, o.filter, counted))
	title := fmt.Sprintf("%s: %s jobs of %s %s", o.action.Label, describe(o.state), o.queue, o.filter)
	op, err := d.operations.begin(title, user, counted.Matched, func(ctx context.Context, tell func(done int64)) (string, error) {
		tally, err := d.inspector.Act(queue.WithActor(ctx, user.Name), o.queue, query, o.action.Name, func(t queue.BulkResult) { tell(t.Done) })
		d.views.forget()
		return tallyText(o.action, tally), err
	})
	if err != nil {
		return notice{}, err
	}
	if !op.endsWithin(r.Context(), operationQuick) {
		return notice{Text: title + ": under way.", Operation: op.ID}, nil
	}
	if seen := op.look(); seen.Failure != "" {
		return notice{}, errors.New(seen.Failure)
	}
	return notice{Text: op.look().Result}, nil
}

func tallyText(a choiceOfAction, t queue.BulkResult) string {
	text := fmt.Sprintf("%s: %s.", a.Label, plural(t.Done, "job", "jobs"))
	if t.Gone > 0 {
		text += fmt.Sprintf(" %s moved on before.", plural(t.Gone, "job had", "jobs had"))
	}
	if t.Held > 0 {
		text += fmt.Sprintf(" %s still held by living workers.", plural(t.Held, "job is", "jobs are"))
	}
	return text
}

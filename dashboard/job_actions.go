package dashboard

import (
	"context"
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	selectedMost = 1000
	countedMost  = 50_000 // jobs looked at before an action on all that match asks for confirmation
)

// actionChoice is an action as a list offers it.
type actionChoice struct {
	Name   inspect.Action
	Label  string
	Does   string
	Danger bool // what it destroys cannot be brought back
}

var allActions = []actionChoice{
	{inspect.ActionRequeue, "Requeue", "Enqueue again, with all attempts", false},
	{inspect.ActionRunNow, "Run now", "Put it among the jobs that wait", false},
	{inspect.ActionRelease, "Release", "Hand to the next free worker; refused while its own worker is alive", false},
	{inspect.ActionCancel, "Cancel", "Stop it; it is cancelled, and can be requeued", false},
	{inspect.ActionBury, "Send to dead", "Send to dead at once; a running handler's context is cancelled", false},
	{inspect.ActionDelete, "Delete", "Remove for good", true},
}

// actionsFor lists what can be done to jobs of a state.
func actionsFor(state inspect.State) []actionChoice {
	var applicable []actionChoice
	for _, a := range allActions {
		if a.Name.AppliesTo(state) {
			applicable = append(applicable, a)
		}
	}
	return applicable
}

// jobAction is what an operator's form asks for: an action, and the jobs to do it to.
type jobAction struct {
	action actionChoice
	queue  string
	state  inspect.State
	ids    []string // selected; none for all that match
	filter string
}

func readJobAction(f *Form) (jobAction, error) {
	a := jobAction{
		queue: f.Value("queue"), state: inspect.State(f.Value("state")), filter: strings.TrimSpace(f.Value("filter")),
	}
	for _, choice := range actionsFor(a.state) {
		if string(choice.Name) == f.Value("action") {
			a.action = choice
		}
	}
	if a.action.Name == "" {
		return a, BadRequest("%q is not an action on %s jobs", f.Value("action"), a.state)
	}
	switch f.Value("scope") {
	case "matching":
		return a, nil
	case "selected", "":
		a.ids = f.request.PostForm["id"]
	default:
		return a, BadRequest("scope is selected or matching")
	}
	switch {
	case len(a.ids) == 0:
		return a, BadRequest("no job is selected")
	case len(a.ids) > selectedMost:
		return a, BadRequest("%d jobs are selected, and %d is the most: filter, and act on all that match",
			len(a.ids), selectedMost)
	}
	return a, nil
}

// actOnJobs does what a list's or a job's form asks for.
func (d *Dashboard) actOnJobs(f *Form) (Notice, error) {
	a, err := readJobAction(f)
	if err != nil {
		return Notice{}, err
	}
	if a.ids == nil {
		return d.actOnMatching(f, a)
	}
	if a.action.Danger {
		if err := f.confirmed(a.confirmation(plural(int64(len(a.ids)), "job", "jobs"), "")); err != nil {
			return Notice{}, err
		}
	}
	return d.actOnSelected(f, a)
}

// confirmation asks before an action on so many jobs.
func (a jobAction) confirmation(many, remark string) confirmation {
	label := a.action.Label
	c := confirmation{
		Title: label, Button: label,
		Says: fmt.Sprintf("%s: %s %s of %s. %s", label, many, describe(a.state), a.queue, remark),
	}
	if a.action.Danger {
		c.Word = a.queue
		c.Says += " This cannot be undone."
	}
	return c
}

func describe(state inspect.State) string {
	if state == inspect.StateInFlight {
		return "in flight"
	}
	return string(state)
}

func (d *Dashboard) actOnSelected(f *Form, a jobAction) (Notice, error) {
	ctx := inspect.WithActor(f.Context(), f.User.Name)
	var done []string
	var failures []error
	for _, id := range a.ids {
		if err := d.inspector.Do(ctx, a.queue, id, a.action.Name); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", id, err))
			continue
		}
		done = append(done, id)
	}
	for _, ids := range audit.Chunks(done) {
		f.Audit("job."+string(a.action.Name), a.queue, ids)
	}
	result := Notice{Text: fmt.Sprintf("%s: %s.", a.action.Label, plural(int64(len(done)), "job", "jobs"))}
	if len(failures) > 0 {
		if len(done) == 0 {
			return Notice{}, failures[0]
		}
		result.Text += fmt.Sprintf(" %s not: %s", plural(int64(len(failures)), "job was", "jobs were"), failures[0])
	}
	result.Undo = a.undo(done)
	result.Text += d.obstacle(ctx, a.action.Name, a.queue)
	return result, nil
}

// obstacle says why what was to run does not start.
func (d *Dashboard) obstacle(ctx context.Context, does inspect.Action, queue string) string {
	if !does.Starts() {
		return ""
	}
	info, err := d.inspector.Queue(ctx, queue)
	if obstacle := info.Obstacle(); err == nil && obstacle != "" {
		return " But " + obstacle + "."
	}
	return ""
}

// undo offers what takes the action back for one job: one that was cancelled or sent to dead comes back by Requeue.
func (a jobAction) undo(done []string) *Undo {
	state, ok := map[inspect.Action]inspect.State{
		inspect.ActionCancel: inspect.StateCancelled, inspect.ActionBury: inspect.StateDead,
	}[a.action.Name]
	if !ok || len(done) != 1 {
		return nil
	}
	return &Undo{"/jobs/act", map[string]string{
		"queue": a.queue, "state": string(state), "action": string(inspect.ActionRequeue),
		"scope": "selected", "id": done[0],
	}}
}

// actOnMatching counts first, asks, and then works through the jobs, going on when the page has been left.
func (d *Dashboard) actOnMatching(f *Form, a jobAction) (Notice, error) {
	query, err := d.parseFilter(a.filter, a.state)
	if err != nil {
		return Notice{}, err
	}
	counted, err := d.inspector.CountMatching(f.Context(), a.queue, query, countedMost)
	if err != nil {
		return Notice{}, err
	}
	many := plural(counted.Matched, "job", "jobs")
	if counted.Truncated {
		many = fmt.Sprintf("at least %s (of the first %s looked at)", many, count(counted.Scanned))
	}
	remark := "All of them."
	if a.filter != "" {
		remark = "They match " + a.filter + "."
	}
	if err := f.confirmed(a.confirmation(many, remark)); err != nil {
		return Notice{}, err
	}
	f.Audit("jobs."+string(a.action.Name), a.queue, audit.Matching(a.state, a.filter, counted))
	title := fmt.Sprintf("%s: %s jobs of %s %s", a.action.Label, describe(a.state), a.queue, a.filter)
	return f.InBackground(title, counted.Matched, func(ctx context.Context, progress func(int64)) (string, error) {
		ctx = inspect.WithActor(ctx, f.User.Name)
		ids := audit.NewIDs(func(line string) { f.Audit("job."+string(a.action.Name), a.queue, line) })
		defer ids.Flush()
		ctx = inspect.WithDone(ctx, ids.Add)
		done, err := d.inspector.Act(ctx, a.queue, query, a.action.Name, func(b inspect.BulkResult) { progress(b.Done) })
		return bulkText(a.action, done) + d.obstacle(ctx, a.action.Name, a.queue), err
	})
}

func bulkText(a actionChoice, b inspect.BulkResult) string {
	text := fmt.Sprintf("%s: %s.", a.Label, plural(b.Done, "job", "jobs"))
	if b.Gone > 0 {
		text += fmt.Sprintf(" %s moved on before.", plural(b.Gone, "job had", "jobs had"))
	}
	if b.Held > 0 {
		text += fmt.Sprintf(" %s still held by live workers.", plural(b.Held, "job is", "jobs are"))
	}
	return text
}

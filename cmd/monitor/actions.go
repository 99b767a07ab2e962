package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// action is a command that does something to one job, or to all that match a filter.
type action struct {
	name, usage, text string
	aliases           []string
	does              inspect.Action
	done              string        // what a job is then
	state             inspect.State // of the jobs for --all and --filter, unless --state says another; "" for none
	asks              bool          // before it acts on one job in top: it cannot be taken back, or it interrupts work
}

// actions are the commands, in the order in which the help lists them.
var actions = []action{
	{
		name: "requeue", usage: "enqueue dead or cancelled jobs again, with all attempts",
		does: inspect.ActionRequeue, done: "requeued", state: inspect.StateDead,
	},
	{
		name: "retry", aliases: []string{"run-now"}, usage: "put delayed or retrying jobs among those that wait",
		does: inspect.ActionRunNow, done: "due now",
	},
	{
		name: "release", usage: "give jobs in flight to the next free worker, if their own is gone",
		text: "It does at once what the caretaker does later. A job whose worker is alive is left alone: cancel it instead.",
		does: inspect.ActionRelease, done: "released",
	},
	{
		name: "cancel", usage: "end jobs that have not ended: they are cancelled, and can be requeued",
		text: `A job that does not run is cancelled at once. A running one's context is cancelled within half
a second: the job is cancelled unless its handler is done all the same. It is kept for 7 days.`,
		does: inspect.ActionCancel, done: "cancelled", asks: true,
	},
	{
		name: "bury", usage: "send jobs that have not ended to dead at once, even while they run",
		text: "As cancel, but it does not wait for a running handler, whose outcome then does not count.",
		does: inspect.ActionBury, done: "buried", asks: true,
	},
	{
		name: "delete", usage: "delete jobs, whatever their state",
		text: "A job in flight is acknowledged and dropped; a handler that runs it is not stopped.",
		does: inspect.ActionDelete, done: "deleted", asks: true,
	},
}

// states are those that the action is for.
func (a action) states() []string {
	var states []string
	for _, state := range inspect.States() {
		if a.does.AppliesTo(state) {
			states = append(states, string(state))
		}
	}
	return states
}

func actionCommands() []*cli.Command {
	commands := make([]*cli.Command, len(actions))
	for i, a := range actions {
		commands[i] = a.command()
	}
	return commands
}

func (a action) command() *cli.Command {
	flags := []cli.Flag{
		jsonFlag(),
		&cli.BoolFlag{Name: "all", Usage: "every job in the state"},
		&cli.StringFlag{Name: "filter", Usage: "every job that matches this `FILTER`; see monitor pending --help"},
		&cli.BoolFlag{Name: "dry-run", Usage: "count the jobs and change nothing"},
		&cli.BoolFlag{Name: "yes", Usage: "do it to all that --all or --filter names"},
	}
	text := a.text
	if states := a.states(); len(states) > 1 {
		usage := "of the jobs for --all and --filter: `STATE` " + strings.Join(states, ", ")
		if a.state != "" {
			usage += " (default: " + string(a.state) + ")"
		}
		flags = append(flags, &cli.StringFlag{Name: "state", Usage: usage})
	}
	text += "\nWith --all or --filter it counts the jobs, and changes nothing without --yes."
	return &cli.Command{
		Name: a.name, Aliases: a.aliases, Usage: a.usage, ArgsUsage: "QUEUE ID|--all|--filter FILTER",
		Description: strings.TrimSpace(text), Flags: flags, Action: a.run,
	}
}

func (a action) run(c *cli.Context) error {
	if c.Bool("all") || c.IsSet("filter") {
		return a.many(c)
	}
	args, err := command.Arguments(c, "QUEUE", "ID")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if c.Bool("dry-run") {
			return showJobOf(c, o.inspector, args[0], args[1])
		}
		if err := o.inspector.Do(o.withActor(c.Context), args[0], args[1], a.does); err != nil {
			if errors.Is(err, inspect.ErrNotFound) && !errors.Is(err, inspect.ErrNoQueue) {
				return fmt.Errorf("%w; see monitor job %s", err, args[1])
			}
			return err
		}
		warn(c, o.noteJob(c.Context, a.does, args[0], args[1]))
		a.warnOfObstacle(c, o, args[0])
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(map[string]string{"id": args[1], "action": a.name})
		}
		_, err := fmt.Fprintf(c.App.Writer, "%s: %s\n", command.Printable(args[1]), a.done)
		return err
	})
}

// warnOfObstacle says why what was to run does not start.
func (a action) warnOfObstacle(c *cli.Context, o operator, name string) {
	if obstacle, err := a.obstacle(c.Context, o, name); err == nil && obstacle != "" {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", command.Printable(name), command.Printable(obstacle))
	}
}

func (a action) obstacle(ctx context.Context, o operator, name string) (string, error) {
	if !a.does.Starts() {
		return "", nil
	}
	info, err := o.inspector.Queue(ctx, name)
	return info.Obstacle(), err
}

func showJobOf(c *cli.Context, inspector *inspect.Inspector, name, id string) error {
	job, err := inspector.Job(c.Context, name, id)
	if err != nil {
		return err
	}
	return jobPrinter(c)([]inspect.JobInfo{job})
}

// query reads which jobs are meant.
func (a action) query(c *cli.Context) (inspect.Query, error) {
	if c.Bool("all") && c.IsSet("filter") {
		return inspect.Query{}, command.Usage("--all and --filter exclude each other")
	}
	q, err := inspect.ParseQuery(c.String("filter"))
	if err != nil {
		return q, command.AsUsage(err)
	}
	if c.IsSet("filter") && q.String() == "" {
		return q, command.Usage("--filter is empty; for every job say --all")
	}
	states := a.states()
	if q.State = inspect.State(strings.ToLower(c.String("state"))); len(states) == 1 {
		q.State = inspect.State(states[0])
	}
	q.State = cmp.Or(q.State, a.state)
	if !slices.Contains(states, string(q.State)) {
		return q, command.Usage("--state %q: want one of %s", q.State, strings.Join(states, ", "))
	}
	return q, nil
}

// many counts first, and then acts, with a bar.
func (a action) many(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	q, err := a.query(c)
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if err := mustExist(c.Context, o.inspector, args[0]); err != nil {
			return err
		}
		count, err := o.inspector.CountMatching(c.Context, args[0], q, 0)
		if err != nil {
			return err
		}
		if err := printCount(c, args[0], q, count); err != nil || c.Bool("dry-run") {
			return err
		}
		if !c.Bool("yes") {
			return command.Usage("nothing was changed; add --yes to %s them", a.name)
		}
		return a.act(c, o, args[0], q, count)
	})
}

// printCount says how many jobs are meant: on stdout if that is all that was asked.
func printCount(c *cli.Context, name string, q inspect.Query, count inspect.Count) error {
	out := c.App.ErrWriter
	if c.Bool("dry-run") {
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(count)
		}
		out = c.App.Writer
	}
	about := ""
	if count.Truncated {
		about = "at least "
	}
	what := strings.ReplaceAll(string(q.State), "_", " ")
	matching := ""
	if filter := q.String(); filter != "" {
		matching = " that match " + command.Printable(filter)
	}
	_, err := fmt.Fprintf(out, "%s%d %s jobs in %s%s\n", about, count.Matched, what, command.Printable(name), matching)
	return err
}

func (a action) act(c *cli.Context, o operator, name string, q inspect.Query, count inspect.Count) error {
	warn(c, o.noteJobs(c.Context, a.does, name, q.State, c.String("filter"), count))
	progress := command.NewProgress(c.App.ErrWriter, a.name, count.Total)
	result, err := o.inspector.Act(o.withActor(c.Context), name, q, a.does, func(t inspect.BulkResult) {
		progress.Set(t.Looked, fmt.Sprintf("%d %s", t.Done, a.done))
	})
	progress.Done()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(result)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%d %s\n", result.Done, a.done)
	if err == nil && result.Gone > 0 {
		_, err = fmt.Fprintf(c.App.ErrWriter, "%d had moved on\n", result.Gone)
	}
	if result.Done > 0 {
		a.warnOfObstacle(c, o, name)
	}
	if err == nil && result.Held > 0 {
		_, err = fmt.Fprintf(c.App.ErrWriter, "%d were left to their live workers\n", result.Held)
	}
	return err
}

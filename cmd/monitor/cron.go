package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// cronAction is what monitor cron can do.
type cronAction struct {
	name string
	args []string
	do   func(c *cli.Context, o operator, args []string) error
}

func cronActions() []cronAction {
	entry := []string{"QUEUE", "NAME"}
	return []cronAction{
		{"add", entry, addCron}, {"edit", entry, editCron}, {"pause", entry, pauseCron}, {"resume", entry, resumeCron},
		{"run", entry, runCron}, {"history", entry, cronHistory}, {"delete", entry, deleteCron},
	}
}

func cronCommand() *cli.Command {
	return &cli.Command{
		Name:      "cron",
		Usage:     "list, add, change and pause jobs that are enqueued again and again",
		ArgsUsage: "[list [QUEUE] | add|edit|pause|resume|run|history|delete QUEUE NAME]",
		Description: `An entry enqueues a job at each tick of its spec: minute, hour, day of the month, month, day of the
week; with six fields the first is the second; or @daily, @hourly, @every 90s. CRON_TZ=Europe/Zurich before it says in
which zone, else it is UTC. What a person edits or pauses goes before what the code of workers declares. delete is for
entries that no code declares: a worker that starts declares its own again.

Examples:

   monitor cron
   monitor cron list orders --json
   monitor cron add orders nightly --spec 'CRON_TZ=Europe/Zurich 0 3 * * *' --kind report.nightly --data '{"days":1}'
   monitor cron edit orders nightly --spec '30 3 * * *' --catch-up 0
   monitor cron pause orders nightly
   monitor cron resume orders nightly
   monitor cron run orders nightly        # once, now, beside its ticks
   monitor cron history orders nightly
   monitor cron delete orders nightly --yes`,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.StringFlag{Name: "spec", Usage: "add, edit: when, a `SPEC`"},
			&cli.StringFlag{Name: "kind", Usage: "add, edit: the `KIND` of its jobs"},
			&cli.StringFlag{Name: "data", Usage: "add, edit: their data, as `JSON` (default: {})"},
			&cli.StringFlag{Name: "catch-up", Usage: "add, edit: how many missed ticks are made up for, the last `N`: " +
				"skip for 0, one, 1000 at the most (default: one)"},
			&cli.StringFlag{Name: "overlap", Usage: "add, edit: while one of its jobs has not ended, `POLICY` allow, skip or " +
				"queue (default: allow)"},
			&cli.DurationFlag{Name: "jitter", Usage: "add, edit: later than its tick by up to this (default: 0)"},
			&cli.BoolFlag{Name: "yes", Usage: "delete: do it"},
		},
		Action: cronDo,
	}
}

func cronDo(c *cli.Context) error {
	given := c.Args().First()
	if given == "" || given == "list" {
		return listCrons(c)
	}
	actions := cronActions()
	at := slices.IndexFunc(actions, func(a cronAction) bool { return a.name == given })
	if at < 0 {
		return command.Usage("unexpected argument %q: want list, add, edit, pause, resume, run, history or delete; "+
			"see %s --help", given, c.Command.HelpName)
	}
	args, err := command.Arguments(c, append([]string{given}, actions[at].args...)...)
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		err := actions[at].do(c, o, args[1:])
		if errors.Is(err, inspect.ErrNoQueue) {
			return unknownQueue(c.Context, o.inspector, args[1])
		}
		return err
	})
}

// cronSettings lays what the flags say over settings.
func cronSettings(c *cli.Context, s *inspect.CronSettings) error {
	for name, to := range map[string]*string{"spec": &s.Spec, "kind": &s.Kind, "overlap": &s.Overlap} {
		if c.IsSet(name) {
			*to = c.String(name)
		}
	}
	if c.IsSet("data") {
		s.Data = []byte(c.String("data"))
	}
	if c.IsSet("jitter") {
		s.Jitter = c.Duration("jitter")
	}
	if !c.IsSet("catch-up") {
		return nil
	}
	n, is := map[string]int{"skip": 0, "one": 1}[c.String("catch-up")]
	if !is {
		var err error
		if n, err = strconv.Atoi(c.String("catch-up")); err != nil {
			return command.Usage("--catch-up %q: want skip, one or a number", c.String("catch-up"))
		}
	}
	s.CatchUp = n
	return nil
}

func addCron(c *cli.Context, o operator, args []string) error {
	s := inspect.CronSettings{Data: []byte("{}"), CatchUp: 1, Overlap: "allow"}
	for _, name := range []string{"spec", "kind"} {
		if c.String(name) == "" {
			return command.Usage("--%s is missing; see %s --help", name, c.Command.HelpName)
		}
	}
	if err := cronSettings(c, &s); err != nil {
		return err
	}
	e, err := o.inspector.AddCron(o.withActor(c.Context), args[0], args[1], s)
	return changedCron(c, o, "cron.add", e, err)
}

func editCron(c *cli.Context, o operator, args []string) error {
	flags := []string{"spec", "kind", "data", "catch-up", "overlap", "jitter"}
	if !slices.ContainsFunc(flags, c.IsSet) {
		return command.Usage("nothing to change; give one of --%s", strings.Join(flags, ", --"))
	}
	if err := cronSettings(c, &inspect.CronSettings{}); err != nil {
		return err
	}
	e, err := o.inspector.EditCron(o.withActor(c.Context), args[0], args[1], func(s *inspect.CronSettings) {
		_ = cronSettings(c, s) // it has just been read
	})
	return changedCron(c, o, "cron.edit", e, err)
}

func pauseCron(c *cli.Context, o operator, args []string) error {
	e, err := o.inspector.PauseCron(o.withActor(c.Context), args[0], args[1])
	return changedCron(c, o, "cron.pause", e, err)
}

func resumeCron(c *cli.Context, o operator, args []string) error {
	e, err := o.inspector.ResumeCron(o.withActor(c.Context), args[0], args[1])
	return changedCron(c, o, "cron.resume", e, err)
}

// changedCron notes a change in the audit trail, and prints the entry as it is now.
func changedCron(c *cli.Context, o operator, what string, e inspect.CronEntry, err error) error {
	if err != nil {
		return cronFailed(err)
	}
	warn(c, o.note(c.Context, what, e.Queue, e.Name+" "+e.Spec))
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(e)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s of %s: %s, %s\n", command.Printable(e.Name), command.Printable(e.Queue),
		command.Printable(e.Spec), command.Printable(nextOfCron(&e)))
	return err
}

func runCron(c *cli.Context, o operator, args []string) error {
	id, err := o.inspector.RunCron(o.withActor(c.Context), args[0], args[1])
	if err != nil {
		return cronFailed(err)
	}
	warn(c, o.note(c.Context, "cron.run", args[0], args[1]))
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(map[string]string{"queue": args[0], "name": args[1], "id": id})
	}
	_, err = fmt.Fprintln(c.App.Writer, command.Printable(id))
	return err
}

func deleteCron(c *cli.Context, o operator, args []string) error {
	if !c.Bool("yes") {
		return command.Usage("nothing was deleted; add --yes: the entry %s goes, with its history", args[1])
	}
	if err := o.inspector.DeleteCron(o.withActor(c.Context), args[0], args[1]); err != nil {
		return cronFailed(err)
	}
	warn(c, o.note(c.Context, "cron.delete", args[0], args[1]))
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(map[string]any{"queue": args[0], "name": args[1], "deleted": true})
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s of %s is deleted\n", command.Printable(args[1]), command.Printable(args[0]))
	return err
}

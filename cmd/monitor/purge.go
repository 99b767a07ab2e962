package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// purgeable are the states that can be emptied, with how many there are.
var purgeable = map[inspect.State]func(inspect.QueueInfo) int64{
	inspect.StateWaiting:   func(q inspect.QueueInfo) int64 { return q.Waiting },
	inspect.StateDelayed:   func(q inspect.QueueInfo) int64 { return q.Delayed },
	inspect.StateRetrying:  func(q inspect.QueueInfo) int64 { return q.Retrying },
	inspect.StateDead:      func(q inspect.QueueInfo) int64 { return q.Dead },
	inspect.StateCancelled: func(q inspect.QueueInfo) int64 { return q.Cancelled },
	inspect.StateExpired:   func(q inspect.QueueInfo) int64 { return q.Expired },
}

func purgeCommand() *cli.Command {
	return &cli.Command{
		Name:        "purge",
		Usage:       "delete every job of a queue in one state",
		ArgsUsage:   "QUEUE --state STATE --yes",
		Description: "Without --yes it says how many jobs there are and deletes nothing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "`STATE` waiting, delayed, retrying, dead, cancelled or expired (required)"},
			&cli.BoolFlag{Name: "yes", Usage: "do it: there is no way back"},
		},
		Action: purge,
	}
}

func purge(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	state := inspect.State(strings.ToLower(c.String("state")))
	count, ok := purgeable[state]
	if !ok {
		return command.Usage("--state %q: want waiting, delayed, retrying, dead, cancelled or expired", c.String("state"))
	}
	return withOperator(c, func(o operator) error {
		if err := mustExist(c.Context, o.inspector, args[0]); err != nil {
			return err
		}
		info, err := o.inspector.Queue(c.Context, args[0])
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d %s jobs in %s\n", count(info), state, command.Printable(args[0]))
		if !c.Bool("yes") {
			return command.Usage("nothing was deleted; add --yes to delete them")
		}
		warn(c, o.noteJobs(c.Context, inspect.ActionDelete, args[0], state, "", inspect.Count{Matched: count(info)}))
		progress := command.NewProgress(c.App.ErrWriter, "purge", count(info))
		deleted, err := o.inspector.Purge(o.withActor(c.Context), args[0], state, func(deleted int64) {
			progress.Set(deleted, fmt.Sprintf("%d deleted", deleted))
		})
		progress.Done()
		if err != nil {
			return fmt.Errorf("%w; %d deleted before that", err, deleted)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%d deleted\n", deleted)
		return err
	})
}

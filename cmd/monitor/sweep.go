package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func sweepCommand() *cli.Command {
	return &cli.Command{
		Name:      "sweep",
		Usage:     "delete what other programs' consumers have acknowledged and left in a queue's stream",
		ArgsUsage: "QUEUE --yes",
		Description: `Workers delete what is done; a consumer of another program may acknowledge it and leave it. monitor
queues counts it under OTHERS: it does not wait and does not run. Counted and deleted with it is what the group was
never given, because a person has set the group to begin behind it. A stream that has another group is left alone.
Without --yes it says how many entries there are and deletes nothing.`,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.BoolFlag{Name: "yes", Usage: "do it: there is no way back"},
		},
		Action: sweep,
	}
}

func sweep(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if err := mustExist(c.Context, o.inspector, args[0]); err != nil {
			return err
		}
		info, err := o.inspector.Queue(c.Context, args[0])
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d entries left over in %s\n", info.Leftover, command.Printable(args[0]))
		if !c.Bool("yes") {
			return command.Usage("nothing was deleted; add --yes to delete them")
		}
		warn(c, o.note(c.Context, "queue.sweep", args[0], fmt.Sprintf("%d entries", info.Leftover)))
		progress := command.NewProgress(c.App.ErrWriter, "sweep", info.Leftover)
		deleted, err := o.inspector.SweepLeftovers(c.Context, args[0], func(deleted int64) {
			progress.Set(deleted, fmt.Sprintf("%d deleted", deleted))
		})
		progress.Done()
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(map[string]any{"queue": args[0], "deleted": deleted})
		}
		_, err = fmt.Fprintf(c.App.Writer, "%d deleted\n", deleted)
		return err
	})
}

package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func forgetCommand() *cli.Command {
	return &cli.Command{
		Name:      "forget",
		Usage:     "remove a queue that is empty, has no worker and is not paused",
		ArgsUsage: "QUEUE",
		Description: "Its counts go too. It is there again when a job is enqueued. See monitor purge to empty a queue." +
			"\n\nExamples:\n\n   monitor forget junk",
		Action: forget,
	}
}

func forget(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if err := o.inspector.Forget(o.withActor(c.Context), args[0]); err != nil {
			return err
		}
		warn(c, o.note(c.Context, "queue.forget", args[0], ""))
		_, err := fmt.Fprintf(c.App.Writer, "%s is forgotten\n", command.Printable(args[0]))
		return err
	})
}

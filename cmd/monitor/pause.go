package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:      "pause",
		Usage:     "stop the workers of a queue from starting jobs",
		ArgsUsage: "QUEUE",
		Description: `Within half a second no worker starts another job; running jobs continue, due jobs are promoted and
clients still enqueue. It lasts until monitor resume.`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error { return setPaused(c, "queue.pause", (*inspect.Inspector).Pause) },
	}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "let the workers of a paused queue start jobs again",
		ArgsUsage: "QUEUE",
		Flags:     []cli.Flag{jsonFlag()},
		Action:    func(c *cli.Context) error { return setPaused(c, "queue.resume", (*inspect.Inspector).Resume) },
	}
}

// setPaused changes a queue and prints its state after that. what names the change in the audit trail.
func setPaused(c *cli.Context, what string, act func(*inspect.Inspector, context.Context, string) error) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if err := mustExist(c.Context, o.inspector, args[0]); err != nil {
			return err
		}
		if err := act(o.inspector, o.withActor(c.Context), args[0]); err != nil {
			return err
		}
		warn(c, o.note(c.Context, what, args[0], ""))
		info, err := o.inspector.Queue(c.Context, args[0])
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(info)
		}
		state := "not paused"
		if info.Paused != nil {
			state = fmt.Sprintf("paused since %s by %s", moment(&info.Paused.At), info.Paused.By)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s: %s; %d waiting, %d in flight\n",
			command.Printable(args[0]), command.Printable(state), info.Waiting, info.InFlight)
		return err
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

func requeueCommand() *cli.Command {
	return &cli.Command{
		Name:      "requeue",
		Usage:     "bring a dead job back with fresh attempts, or all of a queue",
		ArgsUsage: "QUEUE ID|--all",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "every job that is dead now"}},
		Action: func(c *cli.Context) error {
			if c.Bool("all") {
				return requeueAll(c)
			}
			return actOnOne(c, "requeued", (*queue.Inspector).Requeue)
		},
	}
}

func runNowCommand() *cli.Command {
	return &cli.Command{
		Name:      "run-now",
		Usage:     "make a delayed or retrying job due at once",
		ArgsUsage: "QUEUE ID",
		Action:    func(c *cli.Context) error { return actOnOne(c, "due now", (*queue.Inspector).RunNow) },
	}
}

func cancelCommand() *cli.Command {
	return &cli.Command{
		Name:      "cancel",
		Usage:     "end a job that has not ended: it is dead, and can be requeued",
		ArgsUsage: "QUEUE ID",
		Description: `A job that does not run is dead at once. A running one's context is cancelled within half a second: it is dead
unless its handler is done all the same.`,
		Action: func(c *cli.Context) error { return actOnOne(c, "cancelled", (*queue.Inspector).Cancel) },
	}
}

func deleteCommand() *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete a job, whatever its state",
		ArgsUsage: "QUEUE ID",
		Action:    func(c *cli.Context) error { return actOnOne(c, "deleted", (*queue.Inspector).Delete) },
	}
}

func actOnOne(
	c *cli.Context, done string, act func(*queue.Inspector, context.Context, string, string) error,
) error {
	args, err := command.Arguments(c, "QUEUE", "ID")
	if err != nil {
		return err
	}
	return withInspector(c, func(inspector *queue.Inspector) error {
		if err := act(inspector, acting(c.Context), args[0], args[1]); err != nil {
			if errors.Is(err, queue.ErrNotFound) {
				return fmt.Errorf("%w; see monitor job %s", err, args[1])
			}
			return err
		}
		_, err := fmt.Fprintf(c.App.Writer, "%s: %s\n", args[1], done)
		return err
	})
}

// requeueAll brings back the jobs that were dead when it began: one that dies again meanwhile is not requeued twice.
func requeueAll(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withInspector(c, func(inspector *queue.Inspector) error {
		if err := mustExist(c.Context, inspector, args[0]); err != nil {
			return err
		}
		info, err := inspector.Queue(c.Context, args[0])
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d dead jobs in %s\n", info.Dead, args[0])
		progress := command.NewProgress(c.App.ErrWriter, "requeue", info.Dead)
		requeued, err := requeueDead(c.Context, inspector, info, progress)
		progress.Done()
		if err != nil {
			return fmt.Errorf("%w; %d requeued before that", err, requeued)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%d requeued\n", requeued)
		return err
	})
}

func requeueDead(
	ctx context.Context, inspector *queue.Inspector, info queue.QueueInfo, progress *command.Progress,
) (int64, error) {
	requeued := int64(0)
	page := queue.Page{Limit: maxPage}
	for seen := int64(0); seen < info.Dead; {
		got, err := inspector.Dead(ctx, info.Name, page)
		if err != nil {
			return requeued, err
		}
		for _, job := range got.Jobs[:min(int64(len(got.Jobs)), info.Dead-seen)] {
			seen++
			switch err := inspector.Requeue(ctx, info.Name, job.ID); {
			case errors.Is(err, queue.ErrNotFound): // somebody else was faster
			case err != nil:
				return requeued, err
			default:
				requeued++
				progress.Set(requeued, fmt.Sprintf("%d requeued", requeued))
			}
		}
		if page.Cursor = got.Next; got.Next == "" {
			break
		}
	}
	return requeued, nil
}

// purgeable are the states that can be emptied, with how many there are.
var purgeable = map[queue.State]func(queue.QueueInfo) int64{
	queue.StateWaiting:  func(q queue.QueueInfo) int64 { return q.Waiting },
	queue.StateDelayed:  func(q queue.QueueInfo) int64 { return q.Delayed },
	queue.StateRetrying: func(q queue.QueueInfo) int64 { return q.Retrying },
	queue.StateDead:     func(q queue.QueueInfo) int64 { return q.Dead },
}

func purgeCommand() *cli.Command {
	return &cli.Command{
		Name:        "purge",
		Usage:       "delete every job of a queue in one state",
		ArgsUsage:   "QUEUE --state STATE --yes",
		Description: "Without --yes it says how many jobs there are and deletes nothing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "`STATE` waiting, delayed, retrying or dead (required)"},
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
	state := queue.State(strings.ToLower(c.String("state")))
	count, ok := purgeable[state]
	if !ok {
		return command.Usage("--state %q: want waiting, delayed, retrying or dead", c.String("state"))
	}
	return withInspector(c, func(inspector *queue.Inspector) error {
		if err := mustExist(c.Context, inspector, args[0]); err != nil {
			return err
		}
		info, err := inspector.Queue(c.Context, args[0])
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d %s jobs in %s\n", count(info), state, args[0])
		if !c.Bool("yes") {
			return command.Usage("nothing was deleted; add --yes to delete them")
		}
		progress := command.NewProgress(c.App.ErrWriter, "purge", count(info))
		deleted, err := inspector.Purge(c.Context, args[0], state, func(deleted int64) {
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

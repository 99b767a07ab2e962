package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

func tellCommands() []*cli.Command {
	return []*cli.Command{
		tellCommand(queue.OrderQuiet, "let one worker start no more jobs", `Within half a second it starts none, of any of its queues: what runs goes on, what it had read ahead goes to others. It
lasts until monitor wake, or until the worker is started anew.`),
		tellCommand(queue.OrderWake, "let a quiet worker start jobs again", ""),
		tellCommand(queue.OrderStop, "stop one worker in good order", `As SIGTERM does: running jobs get the worker's grace period. What supervises it may start it anew: Kubernetes does, and
systemd with Restart=always.`),
	}
}

func tellCommand(order queue.WorkerOrder, usage, text string) *cli.Command {
	return &cli.Command{
		Name: string(order), Usage: usage, ArgsUsage: "WORKER",
		Description: strings.TrimSpace(text + "\n\nWORKER is a name that monitor workers shows, with or without what follows #."),
		Flags:       []cli.Flag{jsonFlag()},
		Action:      func(c *cli.Context) error { return tellWorker(c, order) },
	}
}

// tellWorker gives an order to a worker at each of its queues: one may hear it before another does.
func tellWorker(c *cli.Context, order queue.WorkerOrder) error {
	args, err := command.Arguments(c, "WORKER")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		workers, err := workersOf(c.Context, o.inspector, "")
		if err != nil {
			return err
		}
		told := map[string]bool{} // processes
		for _, w := range workers {
			name, _, _ := strings.Cut(w.Name, "#")
			if w.Name != args[0] && name != args[0] {
				continue
			}
			err := o.inspector.Tell(o.acting(c.Context), w.Queue, w.Name, order)
			if errors.Is(err, queue.ErrNotFound) { // gone since
				continue
			}
			if err != nil {
				return err
			}
			if process := fmt.Sprintf("%s:%d", w.Host, w.PID); !told[process] {
				told[process] = true
				warn(c, o.note(c.Context, "worker."+string(order), name, process))
			}
			if err := sayTold(c, w, order); err != nil {
				return err
			}
		}
		if len(told) == 0 {
			return fmt.Errorf("there is no worker %q; see monitor workers", args[0])
		}
		return nil
	})
}

func sayTold(c *cli.Context, w queue.WorkerInfo, order queue.WorkerOrder) error {
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(map[string]string{"worker": w.Name, "queue": w.Queue, "order": string(order)})
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s of %s: told to %s\n", command.Printable(w.Name), command.Printable(w.Queue),
		map[queue.WorkerOrder]string{queue.OrderQuiet: "be quiet", queue.OrderWake: "wake", queue.OrderStop: "stop"}[order])
	return err
}

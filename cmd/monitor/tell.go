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

func tellCommands() []*cli.Command {
	return []*cli.Command{
		tellCommand(inspect.CommandQuiet, "let one worker start no more jobs", `Within half a second it starts none, of any of its queues: what runs goes on, what it had read ahead goes to others. It
lasts until monitor wake, or until the worker is started anew.`),
		tellCommand(inspect.CommandWake, "let a quiet worker start jobs again", ""),
		tellCommand(inspect.CommandStop, "stop one worker in good order", `As SIGTERM does: running jobs get the worker's grace period. What supervises it may start it anew: Kubernetes does, and
systemd with Restart=always.`),
	}
}

func tellCommand(order inspect.WorkerCommand, usage, text string) *cli.Command {
	return &cli.Command{
		Name: string(order), Usage: usage, ArgsUsage: "WORKER",
		Description: strings.TrimSpace(text + "\n\nWORKER is a name that monitor workers shows, with or without what follows #."),
		Flags:       []cli.Flag{jsonFlag()},
		Action:      func(c *cli.Context) error { return tellWorker(c, order) },
	}
}

func tellWorker(c *cli.Context, order inspect.WorkerCommand) error {
	args, err := command.Arguments(c, "WORKER")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		workers, err := workersOf(c.Context, o.inspector, "")
		if err != nil {
			return err
		}
		meant := slices.DeleteFunc(workers, func(w inspect.WorkerInfo) bool { return w.Name != args[0] && workerName(w) != args[0] })
		told, unnoted, err := o.tell(o.acting(c.Context), meant, order)
		if err != nil {
			return err
		}
		warn(c, unnoted)
		if len(told) == 0 {
			return fmt.Errorf("there is no worker %q; see monitor workers", args[0])
		}
		for _, w := range told {
			if err := sayTold(c, w, order); err != nil {
				return err
			}
		}
		return nil
	})
}

// workerName is what the names of a worker on all its queues begin with.
func workerName(w inspect.WorkerInfo) string {
	name, _, _ := strings.Cut(w.Name, "#")
	return name
}

func processOf(w inspect.WorkerInfo) string { return fmt.Sprintf("%s:%d", w.Host, w.PID) }

// tell gives an order to a process at each of its queues, since one may hear it before another does. It returns which are
// still there to hear it, and why that could not be noted.
func (o operator) tell(ctx context.Context, workers []inspect.WorkerInfo, order inspect.WorkerCommand) (told []inspect.WorkerInfo, unnoted, err error) {
	noted := map[string]bool{}
	for _, w := range workers {
		err := o.inspector.CommandWorker(ctx, w.Queue, w.Name, order)
		if errors.Is(err, inspect.ErrNotFound) { // gone since
			continue
		}
		if err != nil {
			return told, unnoted, err
		}
		told = append(told, w)
		if process := processOf(w); !noted[process] {
			noted[process] = true
			unnoted = cmp.Or(unnoted, o.note(ctx, "worker."+string(order), workerName(w), process))
		}
	}
	return told, unnoted, nil
}

func sayTold(c *cli.Context, w inspect.WorkerInfo, order inspect.WorkerCommand) error {
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(map[string]string{"worker": w.Name, "queue": w.Queue, "order": string(order)})
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s of %s: told to %s\n", command.Printable(w.Name), command.Printable(w.Queue), orderText(order))
	return err
}

func orderText(order inspect.WorkerCommand) string {
	if order == inspect.CommandQuiet {
		return "be quiet"
	}
	return string(order)
}

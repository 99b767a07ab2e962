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

func workerCommands() []*cli.Command {
	return []*cli.Command{
		workerCommand(inspect.CommandQuiet, "let one worker start no more jobs",
			`Within half a second it starts none, of any of its queues: running jobs continue, what it had read ahead goes to
others. It lasts until monitor wake, or until the worker is restarted.`),
		workerCommand(inspect.CommandWake, "let a quiet worker start jobs again", ""),
		workerCommand(inspect.CommandStop, "stop one worker gracefully",
			`As SIGTERM does: running jobs get the worker's grace period. A supervisor may start it again: Kubernetes does, and
systemd with Restart=always.`),
	}
}

func workerCommand(cmd inspect.WorkerCommand, usage, text string) *cli.Command {
	const names = "WORKER is a name that monitor workers shows, with or without what follows #."
	return &cli.Command{
		Name: string(cmd), Usage: usage, ArgsUsage: "WORKER",
		Description: strings.TrimSpace(text + "\n\n" + names),
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.BoolFlag{Name: "yes", Usage: "do it to all that have the name, if it is that of several"},
		},
		Action: func(c *cli.Context) error { return commandWorker(c, cmd) },
	}
}

func commandWorker(c *cli.Context, cmd inspect.WorkerCommand) error {
	args, err := command.Arguments(c, "WORKER")
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		workers, err := workersOf(c.Context, o.inspector, "")
		if err != nil {
			return err
		}
		meant := slices.DeleteFunc(workers, func(w inspect.WorkerInfo) bool {
			return w.Name != args[0] && w.Process != args[0]
		})
		if n := processes(meant); n > 1 && cmd != inspect.CommandWake && !c.Bool("yes") {
			return command.Usage("%d workers have this name: nothing was sent; add --yes to %s them all", n, cmd)
		}
		sent, unnoted, err := o.commandWorkers(o.withActor(c.Context), meant, cmd)
		if err != nil {
			return err
		}
		warn(c, unnoted)
		if len(sent) == 0 {
			return fmt.Errorf("there is no worker %q; see monitor workers", args[0])
		}
		for _, w := range sent {
			if err := printSent(c, w, cmd); err != nil {
				return err
			}
		}
		return nil
	})
}

// processes counts the processes of workers that live: one has a session on each of its queues.
func processes(workers []inspect.WorkerInfo) int {
	found := map[string]bool{}
	for _, w := range workers {
		if w.LeaseMS > 0 {
			found[processOf(w)] = true
		}
	}
	return len(found)
}

func processOf(w inspect.WorkerInfo) string { return fmt.Sprintf("%s:%d", w.Host, w.PID) }

// commandWorkers sends a command to a process by each of its queues, since one may be read before another. It returns
// the workers that are still there, and why that could not be noted.
func (o operator) commandWorkers(
	ctx context.Context, workers []inspect.WorkerInfo, cmd inspect.WorkerCommand,
) (sent []inspect.WorkerInfo, unnoted, err error) {
	noted := map[string]bool{}
	for _, w := range workers {
		err := o.inspector.CommandWorker(ctx, w.Queue, w.Name, cmd)
		if errors.Is(err, inspect.ErrNotFound) { // gone since
			continue
		}
		if err != nil {
			return sent, unnoted, err
		}
		sent = append(sent, w)
		if process := processOf(w); !noted[process] {
			noted[process] = true
			unnoted = cmp.Or(unnoted, o.note(ctx, "worker."+string(cmd), w.Process, process))
		}
	}
	return sent, unnoted, nil
}

func printSent(c *cli.Context, w inspect.WorkerInfo, cmd inspect.WorkerCommand) error {
	if c.Bool("json") {
		return command.NewLines(c.App.Writer).Print(map[string]string{
			"worker": w.Name, "queue": w.Queue, "command": string(cmd),
		})
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s of %s: command %s sent\n",
		command.Printable(w.Name), command.Printable(w.Queue), cmd)
	return err
}

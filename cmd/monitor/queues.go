package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/inspect"
)

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "one JSON object per line"}
}

// withInspector connects, calls do, and closes what it opened.
func withInspector(c *cli.Context, do func(inspector *inspect.Inspector) error) error {
	inspector, rdb, err := command.Inspector(c)
	if err != nil {
		return err
	}
	return errors.Join(do(inspector), rdb.Close())
}

func queuesCommand() *cli.Command {
	return &cli.Command{
		Name:  "queues",
		Usage: "list the queues with their counts",
		Description: `A total counts since the queue was created. HELD are those in flight that have not started; OLDEST is
how long the oldest job has waited that has not. OTHERS is what other programs have put on the stream:
entries that their consumers acknowledged and left, see monitor sweep, and groups, which miss what workers
delete. Below the table stands which queues have jobs and no worker, of which kinds jobs wait because no
worker has a handler for them, and how many keys Redis has evicted.`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: listQueues,
	}
}

func listQueues(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		infos, broken, err := queueInfos(c.Context, inspector)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return errors.Join(printAll(c, infos), broken)
		}
		table := command.NewTable(c.App.Writer, "QUEUE", "WAITING", "IN FLIGHT", "HELD", "DELAYED", "RETRYING", "DEAD",
			"CANCELLED", "EXPIRED", "WORKERS", "OLDEST", "DONE", "RETRIED", "DEAD IN TOTAL", "PAUSED", "OTHERS")
		for _, q := range infos {
			table.Row(q.Name, q.Waiting, q.InFlight, q.Held, q.Delayed, q.Retrying, q.Dead, q.Cancelled, q.Expired, q.Workers,
				command.Duration(q.OldestWaiting), q.Totals.Done, q.Totals.Retried, q.Totals.Dead, paused(q), others(q))
		}
		if err := table.Flush(); err != nil {
			return err
		}
		printUnattended(c.App.Writer, infos)
		evicted, err := inspector.Evictions(c.Context)
		if evicted.Keys > 0 {
			fmt.Fprintf(c.App.Writer, "%s; see monitor verify QUEUE\n", evicted)
		}
		return errors.Join(broken, err)
	})
}

// printUnattended prints what waits in vain: in queues without a worker, and of kinds without a handler.
func printUnattended(out io.Writer, infos []inspect.QueueInfo) {
	for _, q := range infos {
		if q.Workers == 0 && q.Waiting+q.InFlight+q.Delayed+q.Retrying > 0 {
			fmt.Fprintf(out, "%s has jobs and no worker\n", command.Printable(q.Name))
		}
		for _, k := range q.UnknownKinds {
			if k.Workers == 0 {
				fmt.Fprintf(out, "%s has jobs of kind %s, and no worker with a handler for it\n", command.Printable(q.Name),
					command.Printable(k.Kind))
			}
		}
	}
}

// others says what other programs have left on a queue's stream.
func others(q inspect.QueueInfo) string {
	var found []string
	if q.Leftover > 0 {
		found = append(found, fmt.Sprintf("%d left over", q.Leftover))
	}
	if len(q.OtherGroups) > 0 {
		found = append(found, "group "+strings.Join(q.OtherGroups, ", "))
	}
	return cmp.Or(strings.Join(found, "; "), "-")
}

func paused(q inspect.QueueInfo) string {
	if q.Paused == nil {
		return "-"
	}
	return ago(q.Paused.At)
}

// fleetMost is how many queues are read.
const fleetMost = 500

// queueInfos counts every queue. There are few queues, and each costs a handful of commands. Of a queue that cannot be
// read, while Redis answers, broken says why: it does not hide the others.
//
// Of more queues than fleetMost, those with workers come first.
func queueInfos(ctx context.Context, inspector *inspect.Inspector) (infos []inspect.QueueInfo, broken, err error) {
	page, err := inspector.Fleet(ctx, 0, fleetMost)
	if err != nil {
		return nil, nil, err
	}
	if rest := page.Rest(); rest > 0 {
		broken = fmt.Errorf("%d more queues, which come behind those with workers, are not shown", rest)
	}
	for _, name := range page.Names {
		info, err := inspector.Queue(ctx, name)
		switch {
		case err == nil:
			infos = append(infos, info)
		case redisx.IsAway(err):
			return nil, nil, err
		default:
			broken = errors.Join(broken, err)
		}
	}
	return infos, broken, nil
}

func workersCommand() *cli.Command {
	return &cli.Command{
		Name:      "workers",
		Usage:     "list the workers of a queue, or of all",
		ArgsUsage: "[QUEUE]",
		Flags:     []cli.Flag{jsonFlag()},
		Action:    listWorkers,
	}
}

func listWorkers(c *cli.Context) error {
	if c.NArg() > 0 {
		if _, err := command.Arguments(c, "QUEUE"); err != nil {
			return err
		}
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		workers, err := workersOf(c.Context, inspector, c.Args().First())
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printAll(c, workers)
		}
		table := command.NewTable(c.App.Writer, "QUEUE", "WORKER", "HOST", "PID", "SLOTS", "IN FLIGHT", "LEASE LEFT", "UP",
			"STATE")
		for _, w := range workers {
			table.Row(w.Queue, w.Name, w.Host, w.PID, w.Slots, w.InFlight,
				time.Duration(w.LeaseMS)*time.Millisecond, command.Duration(time.Since(w.Started)),
				cmp.Or(string(w.State), "-"))
		}
		return table.Flush()
	})
}

// workersOf lists the workers of one queue, or of all if name is empty.
func workersOf(ctx context.Context, inspector *inspect.Inspector, name string) ([]inspect.WorkerInfo, error) {
	names := []string{name}
	if name == "" {
		page, err := inspector.Fleet(ctx, 0, fleetMost)
		if err != nil {
			return nil, err
		}
		names = page.Names
	} else if err := mustExist(ctx, inspector, name); err != nil {
		return nil, err
	}
	var workers []inspect.WorkerInfo
	for _, name := range names {
		some, err := inspector.Workers(ctx, name)
		if err != nil {
			return nil, err
		}
		workers = append(workers, some...)
	}
	return workers, nil
}

// mustExist refuses a queue that neither a client nor a worker has used: most likely its name is misspelt.
func mustExist(ctx context.Context, inspector *inspect.Inspector, name string) error {
	if exists, err := inspector.Exists(ctx, name); exists || err != nil {
		return err
	}
	return unknownQueue(ctx, inspector, name)
}

// unknownQueue says that there is no such queue, or that Redis may have deleted it.
func unknownQueue(ctx context.Context, inspector *inspect.Inspector, name string) error {
	if evicted, err := inspector.Evictions(ctx); err == nil && evicted.Keys > 0 {
		return fmt.Errorf("there is no queue %q; see monitor queues. But %s, and the whole queue may have been among them",
			name, evicted)
	}
	return fmt.Errorf("there is no queue %q; see monitor queues", name)
}

func printAll[T any](c *cli.Context, values []T) error {
	lines := command.NewLines(c.App.Writer)
	for _, value := range values {
		if err := lines.Print(value); err != nil {
			return err
		}
	}
	return nil
}

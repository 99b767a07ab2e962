package main

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

func enqueueCommand() *cli.Command {
	return &cli.Command{
		Name:      "enqueue",
		Usage:     "enqueue one job and print it as a line of JSON",
		ArgsUsage: "KIND",
		Description: `Examples:

   producer enqueue payment.charge --queue orders --data '{"order_id":"o-1","cents":1999}'
   echo '{"ms":500}' | producer enqueue debug.sleep --queue orders --data -
   producer enqueue payment.charge --queue orders --data @o-1.json --at 2027-01-01T00:00:00Z
   producer enqueue payment.charge --queue orders --data @o-1.json --unique charge:o-1 --unique-for 1h
   producer enqueue debug.echo --queue orders --data '{}' --unique e --unique-until ended --unique-replace`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "queue", Usage: "`QUEUE` that receives the job (required)"},
			&cli.StringFlag{Name: "data", Usage: "the job's data as `JSON`, @FILE, or - for stdin (required)"},
			&cli.DurationFlag{Name: "in", Usage: "run it this long from now, e.g. 5m"},
			&cli.StringFlag{Name: "at", Usage: "run it at this `TIME`, e.g. 2027-01-01T00:00:00Z"},
			&cli.StringFlag{Name: "id", Usage: "the job's `ID`: a repetition within a day enqueues nothing"},
			&cli.StringFlag{Name: "unique", Usage: "one job of this `KEY`, with --unique-for or --unique-until"},
			&cli.DurationFlag{Name: "unique-for", Usage: "how long the unique key is taken, e.g. 1h"},
			&cli.DurationFlag{Name: "expires-in", Usage: "it ends as expired if it has not started by then, e.g. 10m"},
			&cli.StringFlag{Name: "unique-until", Usage: "the `END` of the unique key: ended or started, as the job is"},
			&cli.BoolFlag{Name: "unique-replace", Usage: "the job that holds the key gets this data, if it has not started"},
			&cli.DurationFlag{Name: "unique-debounce", Usage: "put the job that holds the key off, for this long at the most"},
			&cli.BoolFlag{Name: "unique-reject", Usage: "fail if the key is held"},
			&cli.IntFlag{Name: "max-attempts", Usage: "failed attempts that make the job dead (default: the kind's)"},
			&cli.DurationFlag{Name: "timeout", Usage: "longest time a run may take (default: the kind's)"},
			&cli.DurationFlag{Name: "retain", Value: time.Hour, Usage: "keep how it ended for `monitor job`; 0 for not"},
			anyKindFlag(),
		},
		Action: enqueue,
	}
}

func enqueue(c *cli.Context) error {
	args, err := command.Arguments(c, "KIND")
	if err != nil {
		return err
	}
	kind := args[0]
	if err := knownKinds(c).check(kind); err != nil {
		return err
	}
	options, err := enqueueOptions(c)
	if err != nil {
		return err
	}
	data, err := command.Data(c)
	if err != nil {
		return err
	}
	return withClient(c, func(client *queue.Client) error {
		job, err := client.Enqueue(c.Context, queue.JSON(kind, data), options...)
		if err != nil && !errors.Is(err, queue.ErrDuplicate) {
			return command.Rejected(err)
		}
		return errors.Join(command.NewLines(c.App.Writer).Print(job), err)
	})
}

func enqueueOptions(c *cli.Context) ([]queue.EnqueueOption, error) {
	if c.String("queue") == "" {
		return nil, command.Usage("the queue's name is empty; give --queue, for example --queue orders")
	}
	if err := gateway.CheckQueue(c.String("queue")); err != nil {
		return nil, command.AsUsage(err)
	}
	options := []queue.EnqueueOption{queue.On(c.String("queue"))}
	due, err := dueOption(c)
	if err != nil {
		return nil, err
	}
	options = append(options, due...)
	unique, err := uniqueOption(c)
	if err != nil {
		return nil, err
	}
	options = append(options, unique...)
	if c.IsSet("id") {
		options = append(options, queue.ID(c.String("id")))
	}
	if c.IsSet("max-attempts") {
		options = append(options, queue.MaxAttempts(c.Int("max-attempts")))
	}
	if c.IsSet("timeout") {
		options = append(options, queue.Timeout(c.Duration("timeout")))
	}
	if c.IsSet("expires-in") {
		options = append(options, queue.ExpiresIn(c.Duration("expires-in")))
	}
	if c.Duration("retain") != 0 {
		options = append(options, queue.Retain(c.Duration("retain")))
	}
	return options, nil
}

// uniqueOption is the option of the unique key, if there is one.
func uniqueOption(c *cli.Context) ([]queue.EnqueueOption, error) {
	scope := queue.UniqueScope{
		Key: c.String("unique"), For: c.Duration("unique-for"), Until: c.String("unique-until"),
		Replace: c.Bool("unique-replace"), Debounce: c.Duration("unique-debounce"), Reject: c.Bool("unique-reject"),
	}
	switch {
	case !c.IsSet("unique") && scope != (queue.UniqueScope{}):
		return nil, command.Usage("--unique-for, --unique-until and the like go together with --unique")
	case !c.IsSet("unique"):
		return nil, nil
	case c.IsSet("unique-for") == c.IsSet("unique-until"):
		return nil, command.Usage("--unique goes together with --unique-for or --unique-until; give one of them")
	case c.IsSet("unique-until") && scope.Until != "ended" && scope.Until != "started":
		return nil, command.Usage("--unique-until %q: want ended or started", scope.Until)
	case c.IsSet("unique-debounce") && scope.Debounce < time.Millisecond:
		return nil, command.Usage("--unique-debounce %s: must be at least 1ms", scope.Debounce)
	}
	return []queue.EnqueueOption{gateway.UniqueOption(scope)}, nil
}

func dueOption(c *cli.Context) ([]queue.EnqueueOption, error) {
	switch in := c.Duration("in"); {
	case in < 0:
		return nil, command.Usage("--in %s: a delay must not be negative", in)
	case c.IsSet("in") && c.IsSet("at"):
		return nil, command.Usage("--in and --at exclude each other; give one")
	case c.IsSet("at"):
		at, err := time.Parse(time.RFC3339, c.String("at"))
		if err != nil {
			return nil, command.Usage("--at %q: want a time such as 2027-01-01T00:00:00Z", c.String("at"))
		}
		return []queue.EnqueueOption{queue.At(at)}, nil
	case in > 0:
		return []queue.EnqueueOption{queue.In(in)}, nil
	default:
		return nil, nil
	}
}

package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func rescheduleCommand() *cli.Command {
	return &cli.Command{
		Name:      "reschedule",
		Usage:     "make a delayed or retrying job due at another time",
		ArgsUsage: "QUEUE ID",
		Description: `A time that is over makes it due at once; monitor run-now also does without a worker.

Examples:

   monitor reschedule orders 01K9ZJ7Y3T4Q5R6S7T8V9W0X1Y --in 2h
   monitor reschedule orders o-1 --at 2027-03-01T08:00:00+01:00 --json`,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.DurationFlag{Name: "in", Usage: "so long from now, such as 10m"},
			&cli.StringFlag{Name: "at", Usage: "at this `TIME`, as in RFC 3339"},
		},
		Action: reschedule,
	}
}

func reschedule(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE", "ID")
	if err != nil {
		return err
	}
	due, err := dueTime(c, time.Now())
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		was, err := o.inspector.Job(c.Context, args[0], args[1])
		if err != nil {
			return err
		}
		if err := o.inspector.Reschedule(o.withActor(c.Context), args[0], args[1], due); err != nil {
			return err
		}
		warn(c, o.noteEdit(c.Context, "job.reschedule", args[0], args[1], moment(was.Due), moment(&due)))
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(
				map[string]string{"id": args[1], "action": "reschedule", "due": moment(&due)})
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s: due at %s\n", command.Printable(args[1]), moment(&due))
		return err
	})
}

// dueTime reads when the job is to be due.
func dueTime(c *cli.Context, now time.Time) (time.Time, error) {
	switch {
	case c.IsSet("in") == c.IsSet("at"):
		return time.Time{}, command.Usage("give one of --in and --at")
	case c.Duration("in") < 0:
		return time.Time{}, command.Usage("--in %s: must not be negative", c.Duration("in"))
	case c.IsSet("in"):
		return now.Add(c.Duration("in")), nil
	}
	due, err := time.Parse(time.RFC3339, c.String("at"))
	if err != nil {
		return due, command.Usage("--at %q: want a time such as 2027-03-01T08:00:00Z", c.String("at"))
	}
	return due, nil
}

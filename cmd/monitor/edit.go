package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
)

func editCommand() *cli.Command {
	return &cli.Command{
		Name:      "edit",
		Usage:     "give a job that waits, is delayed or retrying other data",
		ArgsUsage: "QUEUE ID",
		Description: `A job that waits goes to the end of its queue; one that a worker holds is left alone. Pause the queue
first if no worker must take the job meanwhile. The data itself is not in the audit trail.

Examples:

   monitor edit orders o-1 --data '{"order_id":"o-1","cents":1999}'
   monitor edit orders 01K9ZJ7Y3T4Q5R6S7T8V9W0X1Y --data @o-1.json --json`,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.StringFlag{Name: "data", Usage: "the job's new data as `JSON`, @FILE, or - for stdin (required)"},
		},
		Action: edit,
	}
}

func edit(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE", "ID")
	if err != nil {
		return err
	}
	data, err := command.Data(c)
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		if _, err := o.inspector.EditData(o.withActor(c.Context), args[0], args[1], data); err != nil {
			return err
		}
		warn(c, o.note(c.Context, "job.edit", args[0], args[1]))
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(map[string]string{"id": args[1], "action": "edit"})
		}
		_, err := fmt.Fprintf(c.App.Writer, "%s: changed\n", command.Printable(args[1]))
		return err
	})
}

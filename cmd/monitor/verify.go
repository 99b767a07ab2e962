package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove that every job ever enqueued is accounted for, or name what is missing",
		ArgsUsage: "QUEUE",
		Description: `Balances what went into the stream, the delayed, the dead, the cancelled and the expired against
what came out and what is there, and holds every entry in flight, every delayed and every dead job against its data.
Jobs may go on running meanwhile. Exit status 0: all is accounted for; 1: something is missing.`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: verify,
	}
}

var errUnaccounted = errors.New(
	"not every job is accounted for; what is missing was deleted, trimmed, evicted or lost with Redis' data")

func verify(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		info, err := inspector.Queue(c.Context, args[0])
		if errors.Is(err, inspect.ErrNotFound) {
			return cmp.Or(unknownQueue(c.Context, inspector, args[0]), err)
		}
		if err != nil {
			return err
		}
		total := info.InFlight + 2*(info.Delayed+info.Retrying) + 2*(info.Dead+info.Cancelled+info.Expired)
		progress := command.NewProgress(c.App.ErrWriter, "verify", total)
		audit, err := inspector.Verify(c.Context, args[0], func(looked int64) {
			progress.Set(looked, fmt.Sprintf("%d looked at", looked))
		})
		progress.Done()
		if err != nil {
			return err
		}
		if c.Bool("json") {
			err = command.NewLines(c.App.Writer).Print(audit)
		} else {
			err = printAudit(c, audit)
		}
		if err == nil && !audit.OK() {
			err = errUnaccounted
		}
		return err
	})
}

func printAudit(c *cli.Context, audit inspect.Audit) error {
	table := command.NewTable(c.App.Writer, "PLACE", "IN", "OUT", "THERE", "LOST")
	for _, b := range audit.Balances {
		table.Row(strings.ToUpper(b.Place[:1])+b.Place[1:], b.In, b.Out, b.There, b.Lost())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, missing := range audit.Missing {
		if _, err := fmt.Fprintln(c.App.Writer, command.Printable(missing)); err != nil {
			return err
		}
	}
	if evicted := audit.Evicted.String(); evicted != "" {
		if _, err := fmt.Fprintln(c.App.Writer, evicted); err != nil {
			return err
		}
	}
	verdict := "every job is accounted for"
	if !audit.OK() {
		verdict = "NOT every job is accounted for"
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s: %s\n", command.Printable(audit.Queue), verdict)
	return err
}

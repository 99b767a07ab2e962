package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// cronFailed makes what is wrong with an entry an error of the call.
func cronFailed(err error) error {
	if errors.Is(err, inspect.ErrBadCron) {
		return command.AsUsage(err)
	}
	return err
}

func listCrons(c *cli.Context) error {
	names := []string{"list", "QUEUE"}[:min(c.NArg(), 2)]
	args, err := command.Arguments(c, names...)
	if err != nil {
		return err
	}
	return withOperator(c, func(o operator) error {
		entries, err := cronsOf(c, o, args)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printAll(c, entries)
		}
		table := command.NewTable(c.App.Writer, "QUEUE", "NAME", "SPEC", "KIND", "NEXT", "LAST", "DECLARED", "EDITED")
		for i := range entries {
			e := &entries[i]
			edited := "-"
			if e.Edited != nil {
				edited = "by " + e.Edited.By
			}
			table.Row(e.Queue, e.Name, e.Spec, e.Kind, nextOfCron(e), lastOfCron(e), e.Declared, edited)
		}
		return table.Flush()
	})
}

// cronsOf lists the entries of the queue that was named, or of all.
func cronsOf(c *cli.Context, o operator, args []string) ([]inspect.CronEntry, error) {
	if len(args) == 2 {
		if err := mustExist(c.Context, o.inspector, args[1]); err != nil {
			return nil, err
		}
		return o.inspector.Crons(c.Context, args[1])
	}
	names, err := o.inspector.CronQueues(c.Context)
	if err != nil {
		return nil, err
	}
	var all []inspect.CronEntry
	for _, name := range names {
		entries, err := o.inspector.Crons(c.Context, name)
		if err != nil && !errors.Is(err, inspect.ErrNotFound) {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// nextOfCron says when an entry is due next, or why it is not.
func nextOfCron(e *inspect.CronEntry) string {
	switch e.State {
	case inspect.CronPaused:
		return fmt.Sprintf("paused by %s", e.Paused.By)
	case inspect.CronBroken:
		return e.Problem
	case inspect.CronHeld:
		return "when its job has ended"
	case inspect.CronOverdue:
		return fmt.Sprintf("%s, overdue by %s", moment(e.Next), command.Duration(time.Duration(e.LateMS)*time.Millisecond))
	}
	return moment(e.Next)
}

func lastOfCron(e *inspect.CronEntry) string {
	if e.Last == nil {
		return "-"
	}
	return moment(&e.Last.Tick) + " " + e.Last.Outcome
}

func cronHistory(c *cli.Context, o operator, args []string) error {
	ticks, err := o.inspector.CronHistory(c.Context, args[0], args[1])
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printAll(c, ticks)
	}
	table := command.NewTable(c.App.Writer, "TICK", "OUTCOME", "LATE BY")
	for _, t := range ticks {
		table.Row(moment(&t.Tick), t.Outcome, command.Duration(time.Duration(t.LateMS)*time.Millisecond))
	}
	return table.Flush()
}

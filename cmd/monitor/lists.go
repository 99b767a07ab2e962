package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/visible"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	maxPage   = 1000             // inspect.Page's own limit
	groupTime = 10 * time.Second // for dead jobs to be counted by what they died of
)

// lister reads one page of the jobs in a state.
type lister func(
	ctx context.Context, inspector *inspect.Inspector, name string, page inspect.Page,
) (inspect.JobPage, error)

func waitingCommand() *cli.Command {
	return listCommand("waiting", "list the jobs that were not delivered to a worker yet", inspect.StateWaiting)
}

func pendingCommand() *cli.Command {
	return listCommand("pending", "list the jobs in flight: delivered to a worker and not finished", inspect.StateInFlight)
}

func deadCommand() *cli.Command {
	list := listCommand("dead", "list the dead jobs: those that will not be tried again", inspect.StateDead)
	list.Flags = append(list.Flags, &cli.BoolFlag{Name: "groups", Usage: "count them by what they died of"})
	jobs := list.Action
	list.Action = func(c *cli.Context) error {
		if c.Bool("groups") {
			return listDeadGroups(c)
		}
		return jobs(c)
	}
	return list
}

func cancelledCommand() *cli.Command {
	return listCommand("cancelled", "list the jobs that a person has cancelled, as long as they are kept",
		inspect.StateCancelled)
}

func expiredCommand() *cli.Command {
	return listCommand("expired", "list the jobs that were not started in time, as long as they are kept",
		inspect.StateExpired)
}

// delayedCommand lists two states, the one after the other.
func delayedCommand() *cli.Command {
	return listCommand("delayed", "list the jobs that are due later: delayed, then retrying",
		inspect.StateDelayed, inspect.StateRetrying)
}

// listing lists one state.
type listing = func(*inspect.Inspector, context.Context, string, inspect.Page) (inspect.JobPage, error)

const filterHelp = `A FILTER is one or more of these, all of which must match:

   kind:payment.charge kind:payment.* id:01JZ… worker:box-1 error:"timed out" age:>1h
   args.order_id:o-1 args.customer.country:CH
   in flight: idle:>30s deliveries:>=3 is:stuck is:poison is:orphaned
   dead: signature:"…", as monitor dead QUEUE --groups shows it

A page looks at --max-scan jobs at the most, and says so if there are more.`

func listCommand(name, usage string, states ...inspect.State) *cli.Command {
	return &cli.Command{
		Name:        name,
		Usage:       usage,
		ArgsUsage:   "QUEUE",
		Description: filterHelp,
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.IntFlag{Name: "limit", Value: 50, Usage: "jobs on a page, 1 to 1000"},
			&cli.StringFlag{Name: "cursor", Usage: "show the page that begins at this `CURSOR`"},
			&cli.BoolFlag{Name: "all", Usage: "show every page"},
			&cli.StringFlag{Name: "filter", Usage: "only jobs that match this `FILTER`"},
			&cli.IntFlag{Name: "max-scan", Value: inspect.DefaultMaxScan, Usage: "jobs to look at for a page"},
		},
		Action: func(c *cli.Context) error {
			q, err := inspect.ParseQuery(c.String("filter"))
			if err != nil {
				return command.AsUsage(err)
			}
			return list(c, joined(listings(q, states)))
		},
	}
}

// listings searches each of the states.
func listings(q inspect.Query, states []inspect.State) []listing {
	all := make([]listing, len(states))
	for n, state := range states {
		ofState := q
		ofState.State = state
		all[n] = func(
			inspector *inspect.Inspector, ctx context.Context, name string, page inspect.Page,
		) (inspect.JobPage, error) {
			found, err := inspector.Search(ctx, name, ofState, page)
			return found.JobPage, err
		}
	}
	return all
}

func listDeadGroups(c *cli.Context) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		if err := mustExist(c.Context, inspector, args[0]); err != nil {
			return err
		}
		found, err := inspector.DeadGroups(c.Context, args[0], groupTime)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printAll(c, found.Groups)
		}
		table := command.NewTable(c.App.Writer, "COUNT", "FIRST", "LAST", "SAMPLE", "SIGNATURE")
		for _, g := range found.Groups {
			table.Row(g.Count, ago(g.First), ago(g.Last), g.Sample, g.Signature)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if found.Ungrouped > 0 {
			_, err = fmt.Fprintf(c.App.ErrWriter, "%d died of something else again\n", found.Ungrouped)
		}
		if found.Truncated {
			_, err = fmt.Fprintf(c.App.ErrWriter, "the newest %d of %d: there was no time to look at more\n", found.Scanned,
				found.Total)
		}
		return err
	})
}

// joined lists several states as one: the cursor says which state it belongs to.
func joined(states []listing) lister {
	return func(
		ctx context.Context, inspector *inspect.Inspector, name string, page inspect.Page,
	) (inspect.JobPage, error) {
		at := 0
		if len(states) > 1 && page.Cursor != "" {
			var own string
			if _, err := fmt.Sscanf(page.Cursor, "%d/", &at); err != nil || at < 0 || at >= len(states) {
				return inspect.JobPage{}, command.Usage("--cursor %q is not one that this command gave", page.Cursor)
			}
			_, own, _ = strings.Cut(page.Cursor, "/")
			page.Cursor = own
		}
		var jobs []inspect.JobInfo
		for limit := page.Limit; ; page.Cursor = "" {
			page.Limit = limit - len(jobs)
			got, err := states[at](inspector, ctx, name, page)
			if err != nil {
				return inspect.JobPage{}, err
			}
			jobs = append(jobs, got.Jobs...)
			switch {
			case got.Next != "" && len(states) > 1:
				return inspect.JobPage{Jobs: jobs, Next: fmt.Sprintf("%d/%s", at, got.Next)}, nil
			case got.Next != "":
				return inspect.JobPage{Jobs: jobs, Next: got.Next}, nil
			case at == len(states)-1:
				return inspect.JobPage{Jobs: jobs}, nil
			case len(jobs) >= limit:
				return inspect.JobPage{Jobs: jobs, Next: fmt.Sprintf("%d/", at+1)}, nil
			}
			at++
		}
	}
}

func list(c *cli.Context, jobs lister) error {
	args, err := command.Arguments(c, "QUEUE")
	if err != nil {
		return err
	}
	page := inspect.Page{Cursor: c.String("cursor"), Limit: c.Int("limit"), MaxScan: c.Int("max-scan")}
	if page.Limit < 1 || page.Limit > maxPage {
		return command.Usage("--limit %d: want 1 to %d", page.Limit, maxPage)
	}
	if page.MaxScan < 1 {
		return command.Usage("--max-scan %d: want at least 1", page.MaxScan)
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		if err := mustExist(c.Context, inspector, args[0]); err != nil {
			return err
		}
		printPage := jobPrinter(c)
		for {
			got, err := jobs(c.Context, inspector, args[0], page)
			if err != nil {
				return err
			}
			if err := printPage(got.Jobs); err != nil {
				return err
			}
			if got.Next == "" {
				return nil
			}
			if page.Cursor = got.Next; !c.Bool("all") {
				_, err := fmt.Fprintf(c.App.ErrWriter, "there are more: add --cursor %s, or --all\n",
					visible.Shell(command.Printable(got.Next)))
				return err
			}
		}
	})
}

// jobPrinter returns what prints a page: JSON lines or a table, each page aligned for itself.
func jobPrinter(c *cli.Context) func([]inspect.JobInfo) error {
	if c.Bool("json") {
		return func(jobs []inspect.JobInfo) error { return printAll(c, jobs) }
	}
	return func(jobs []inspect.JobInfo) error {
		table := command.NewTable(c.App.Writer, "ID", "KIND", "STATE", "ATTEMPT", "WHEN", "WORKER", "NEXT", "ERROR")
		for _, j := range jobs {
			table.Row(j.Name(), j.Kind, j.State, attempts(j), when(j), cmp.Or(j.Worker, "-"), cmp.Or(j.NextStep, "-"),
				short(trouble(j)))
		}
		return table.Flush()
	}
}

func attempts(j inspect.JobInfo) string {
	if j.MaxAttempts == 0 {
		return fmt.Sprint(j.Attempt)
	}
	return fmt.Sprintf("%d/%d", j.Attempt, j.MaxAttempts)
}

// trouble says what went wrong with a job: why it is dead, and the last attempt's error.
func trouble(j inspect.JobInfo) string {
	if j.Reason != "" && j.Error != "" {
		return j.Reason + ": " + j.Error
	}
	return cmp.Or(j.Reason, j.Error, "-")
}

// when says what matters of a job's times in its state.
func when(j inspect.JobInfo) string {
	switch {
	case j.EndedAt != nil:
		return "ended " + ago(*j.EndedAt)
	case j.Due != nil && j.Due.After(time.Now()):
		return "due in " + command.Duration(time.Until(*j.Due))
	case j.State == inspect.StateInFlight:
		return "delivered " + command.Duration(time.Duration(j.IdleMS)*time.Millisecond) + " ago"
	case j.EnqueuedAt != nil:
		return "enqueued " + ago(*j.EnqueuedAt)
	default:
		return "-"
	}
}

func ago(t time.Time) string { return command.Duration(max(time.Since(t), time.Millisecond)) + " ago" }

// short keeps a table's line on one line of a wide terminal: the first line of the text, cut at 80 characters.
func short(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	if runes := []rune(first); len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	return first
}

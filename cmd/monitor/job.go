package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

func jobCommand() *cli.Command {
	return &cli.Command{
		Name:        "job",
		Usage:       "show one job",
		ArgsUsage:   "ID",
		Description: "A job that is done is known only while it is retained.",
		Flags: []cli.Flag{
			jsonFlag(),
			&cli.StringFlag{Name: "queue", Usage: "look in this `QUEUE` only (default: in every queue)"},
		},
		Action: showJob,
	}
}

func showJob(c *cli.Context) error {
	args, err := command.Arguments(c, "ID")
	if err != nil {
		return err
	}
	return withInspector(c, func(inspector *inspect.Inspector) error {
		job, err := findJob(c.Context, inspector, c.String("queue"), args[0])
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return command.NewLines(c.App.Writer).Print(job)
		}
		return printJob(c.App.Writer, job)
	})
}

// findJob looks in one queue, or in every queue if name is empty.
func findJob(ctx context.Context, inspector *inspect.Inspector, name, id string) (inspect.JobInfo, error) {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = inspector.Queues(ctx); err != nil {
			return inspect.JobInfo{}, err
		}
	}
	var notSeen error
	var failures []error // of other queues than the job's: it may be found all the same
	for _, name := range names {
		job, err := inspector.Job(ctx, name, id)
		switch {
		case err == nil:
			return job, nil
		case ctx.Err() != nil:
			return job, err
		case errors.Is(err, inspect.ErrNotSeen):
			notSeen = err
		case !errors.Is(err, inspect.ErrNotFound):
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return inspect.JobInfo{}, fmt.Errorf("%s was not found, and not every queue could be read: %w", id,
			errors.Join(failures...))
	}
	if notSeen != nil {
		return inspect.JobInfo{}, notSeen
	}
	return inspect.JobInfo{}, notFound(id)
}

func notFound(id string) error {
	return fmt.Errorf("%w: %s; a job that is done leaves Redis unless it is retained", inspect.ErrNotFound, id)
}

// printJob writes a line for each field that the job has.
func printJob(w io.Writer, j inspect.JobInfo) error {
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	field := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(out, "%s\t%s\n", name, command.Printable(value))
		}
	}
	field("id", j.ID)
	field("named", j.Ref)
	field("kind", j.Kind)
	field("queue", j.Queue)
	field("state", string(j.State))
	field("priority", j.Priority)
	field("attempts", attemptsText(j))
	if j.Redelivered > 0 {
		field("redelivered", fmt.Sprint(j.Redelivered))
	}
	field("worker", j.Worker)
	field("heartbeat", string(j.Heartbeat))
	field("next", j.NextStep)
	field("enqueued", moment(j.EnqueuedAt))
	field("due", moment(j.Due))
	field("expires", moment(j.ExpiresAt))
	field("ended", moment(j.EndedAt))
	field("reason", j.Reason)
	field("error", j.Error)
	field("unique key", j.UniqueKey)
	if j.Progress != nil {
		field("progress", fmt.Sprintf("%.0f %% %s", j.Progress.Percent, j.Progress.Note))
	}
	field("data", string(j.Data))
	field("result", string(j.Result))
	return out.Flush()
}

// attemptsText says how many attempts failed, and at which a job was done.
func attemptsText(j inspect.JobInfo) string {
	switch {
	case j.State == inspect.StateDone:
		return fmt.Sprintf("done at attempt %d, %d failed", j.Attempt, j.Failed())
	case j.MaxAttempts > 0:
		return fmt.Sprintf("%d failed of %d", j.Failed(), j.MaxAttempts)
	}
	return fmt.Sprintf("%d failed", j.Failed())
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue/inspect"
)

// operator is the person at this shell. What they do to queues is noted in the audit trail.
type operator struct {
	inspector *inspect.Inspector
	trail     *audit.Trail
	keys      *apikey.Store
	who       string // user@host
}

func newOperator(inspector *inspect.Inspector, rdb redis.UniversalClient, namespace string) operator {
	name := "somebody"
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	host, _ := os.Hostname()
	return operator{
		inspector: inspector, trail: audit.New(rdb, namespace), keys: apikey.New(rdb, namespace), who: name + "@" + host,
	}
}

// withOperator connects, calls do, and closes what it opened.
func withOperator(c *cli.Context, do func(o operator) error) error {
	inspector, rdb, err := command.Inspector(c)
	if err != nil {
		return err
	}
	return errors.Join(do(newOperator(inspector, rdb, c.String("namespace"))), rdb.Close())
}

// withActor has actions recorded in the person's name.
func (o operator) withActor(ctx context.Context) context.Context {
	return inspect.WithActor(ctx, o.who)
}

// note adds to the audit trail what the person has done. An error is to be shown, and changes nothing: what was done is
// done.
func (o operator) note(ctx context.Context, what, target, detail string) error {
	return o.noteEdit(ctx, what, target, detail, "", "")
}

// noteEdit notes also what was there before a change, and after.
func (o operator) noteEdit(ctx context.Context, what, target, detail, before, after string) error {
	e := audit.Entry{Who: o.who, What: what, Target: target, Detail: detail, Before: before, After: after}
	if err := o.trail.Add(ctx, e); err != nil {
		return fmt.Errorf("not in the audit trail: %w", err)
	}
	return nil
}

// noteJob notes what was done to one job.
func (o operator) noteJob(ctx context.Context, does inspect.Action, name, id string) error {
	return o.note(ctx, "job."+string(does), name, id)
}

// noteJobs notes what is done to all jobs that match. It is called before that begins, so that what is cut short is in
// the trail too.
func (o operator) noteJobs(
	ctx context.Context, does inspect.Action, name string, state inspect.State, filter string, count inspect.Count,
) error {
	return o.note(ctx, "jobs."+string(does), name, audit.Matching(state, filter, count))
}

// warn prints an error to stderr that is no failure of the command.
func warn(c *cli.Context, err error) {
	if err != nil {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, command.Printable(err.Error()))
	}
}

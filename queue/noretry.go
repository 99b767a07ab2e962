package queue

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// scriptsOnce is a client of a cluster that sends no script again when a connection breaks, as a client of one server does
// when it is told so. A claim that took entries and whose reply was lost would otherwise take others, and its worker
// never look for the first; a beat would count twice. MOVED and ASK are heeded all the same: there the script did not run.
type scriptsOnce struct{ *redis.ClusterClient }

// EvalSha runs a script by its digest.
func (c scriptsOnce) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	return c.evaluate(ctx, "EVALSHA", sha1, keys, args)
}

// Eval runs a script by its text.
func (c scriptsOnce) Eval(ctx context.Context, text string, keys []string, args ...any) *redis.Cmd {
	return c.evaluate(ctx, "EVAL", text, keys, args)
}

func (c scriptsOnce) evaluate(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, name, script, len(keys))
	for _, key := range keys {
		all = append(all, key)
	}
	cmd := redis.NewCmd(ctx, append(all, args...)...)
	_ = c.Process(ctx, sentOnce{cmd}) // the command has the error
	return cmd
}

// sentOnce keeps the client library from sending a command again when a connection drops: the job would be enqueued
// twice.
type sentOnce struct{ *redis.Cmd }

// NoRetry tells the client library so.
func (sentOnce) NoRetry() bool { return true }

// addedOnce is an XADD that is sent once.
type addedOnce struct{ *redis.StringCmd }

// NoRetry tells the client library so.
func (addedOnce) NoRetry() bool { return true }

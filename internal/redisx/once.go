package redisx

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// OnceCmd is a command that the client library does not send again when a connection breaks: it may have been executed.
type OnceCmd struct{ *redis.Cmd }

// NoRetry reports so to the client library.
func (OnceCmd) NoRetry() bool { return true }

// OnceStringCmd is an [OnceCmd] whose reply is a string, such as an XADD.
type OnceStringCmd struct{ *redis.StringCmd }

// NoRetry reports so to the client library.
func (OnceStringCmd) NoRetry() bool { return true }

// OnceCluster is a client of a cluster that sends no script again when a connection breaks, as a client of one server
// does with MaxRetries -1. It follows MOVED and ASK all the same: there the script was not executed.
type OnceCluster struct{ *redis.ClusterClient }

// EvalSha runs a script by its digest.
func (c OnceCluster) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	return c.evaluate(ctx, "EVALSHA", sha1, keys, args)
}

// Eval runs a script by its text.
func (c OnceCluster) Eval(ctx context.Context, text string, keys []string, args ...any) *redis.Cmd {
	return c.evaluate(ctx, "EVAL", text, keys, args)
}

func (c OnceCluster) evaluate(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, name, script, len(keys))
	for _, key := range keys {
		all = append(all, key)
	}
	cmd := redis.NewCmd(ctx, append(all, args...)...)
	_ = c.Process(ctx, OnceCmd{cmd}) // the command has the error
	return cmd
}

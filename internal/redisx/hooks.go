package redisx

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"
)

// hooksOf makes the commands of one client pass through the hooks that another one has at that moment. A hook that
// panics fails its command.
//
// A client does not disclose its hooks. But a [redis.Conn] of it has the same and takes more: one behind all others,
// which goes on to where the command belongs. Nothing reaches the connection, so there is none.
//
// Why: docs/decisions/engine.md#hooks-see-an-own-clients-commands-by-way-of-a-copy-of-the-callers
type hooksOf struct{ client *redis.Client }

// addHooksOf gives a client the hooks of another one.
func addHooksOf(to, from *redis.Client) { to.AddHook(hooksOf{from}) }

// WithTimeout returns a client with another patience for replies and the same hooks, which go-redis' own method loses.
func WithTimeout(rdb *redis.Client, patience time.Duration) *redis.Client {
	patient := rdb.WithTimeout(patience)
	addHooksOf(patient, rdb)
	return patient
}

// copy returns what has the same hooks and one more.
func (h hooksOf) copy(last redis.Hook) *redis.Conn {
	c := h.client.Conn()
	c.AddHook(last)
	return c
}

// DialHook dials as if there were no hooks: connections are this client's own affair.
func (h hooksOf) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook passes a command through the hooks.
func (h hooksOf) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	hooked := h.copy(lastHook{process: next})
	return func(ctx context.Context, cmd redis.Cmder) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = failedHook(v)
				cmd.SetErr(err)
			}
		}()
		return hooked.Process(ctx, cmd)
	}
}

// ProcessPipelineHook passes a pipeline through the hooks.
func (h hooksOf) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	hooked := h.copy(lastHook{pipeline: next})
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = failedHook(v)
				for _, cmd := range cmds {
					cmd.SetErr(err)
				}
			}
		}()
		pipe := hooked.Pipeline()
		if err := pipe.BatchProcess(ctx, cmds...); err != nil {
			return err
		}
		_, err = pipe.Exec(ctx)
		return err
	}
}

func failedHook(v any) error {
	return fmt.Errorf("a function that was given to the Redis client panicked: %v\n%s", v, debug.Stack())
}

// lastHook goes on to where a command belongs.
type lastHook struct {
	process  redis.ProcessHook
	pipeline redis.ProcessPipelineHook
}

func (h lastHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h lastHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	if h.process == nil {
		return next
	}
	return h.process
}

func (h lastHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	if h.pipeline == nil {
		return next
	}
	return h.pipeline
}

// dialFunc and connectFunc are functions that a client was given.
type (
	dialFunc    = func(ctx context.Context, network, addr string) (net.Conn, error)
	connectFunc = func(ctx context.Context, conn *redis.Conn) error
)

// guardDial makes a panic of a dialer an error: it is called on goroutines that the caller cannot protect.
func guardDial(dial dialFunc) dialFunc {
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = failedHook(v)
			}
		}()
		return dial(ctx, network, addr)
	}
}

// guardConnect is [guardDial] for what is called with each new connection.
func guardConnect(connect connectFunc) connectFunc {
	if connect == nil {
		return nil
	}
	return func(ctx context.Context, conn *redis.Conn) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = failedHook(v)
			}
		}()
		return connect(ctx, conn)
	}
}

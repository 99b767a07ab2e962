package redisx

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// slowAfter is how long a command may take until the masters are looked for meanwhile, and again after as long: a
// server that is gone without a trace refuses nothing, and it takes the others a while to choose a new master.
const slowAfter = 500 * time.Millisecond

// mapPatience is how long a node of a cluster is waited for that was asked for the map: one that is frozen would have
// the client go by the old map for as long as it waits for any reply. Then another node is asked. It holds for clients
// that keep the deadlines of their contexts.
const mapPatience = 500 * time.Millisecond

// followHook finds in the outcomes of commands that they may have gone to the wrong server.
type followHook struct {
	look    func(replica time.Time) // see [Follower]
	patient bool                    // a slow command is no reason to look
	dials   bool                    // a failed dial is one
}

// DialHook looks at how a node is dialled.
func (h followHook) DialHook(next redis.DialHook) redis.DialHook {
	if !h.dials {
		return next
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			h.look(time.Time{})
		}
		return conn, err
	}
}

// ProcessHook looks at the outcome of a command.
func (h followHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "cluster" {
			within, cancel := context.WithTimeout(ctx, mapPatience)
			defer cancel()
			return next(within, cmd)
		}
		if ctx.Value(lookKey{}) != nil {
			return next(ctx, cmd)
		}
		sent := time.Now()
		stop := h.watch(cmd)
		err := next(ctx, cmd)
		stop()
		h.judge(sent, err)
		if packed, ok := cmd.(PackedPipeline); ok {
			packed.eachRefused(func(err error) { h.judge(sent, err) })
		}
		return err
	}
}

// ProcessPipelineHook looks at the outcomes of a pipeline.
func (h followHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		sent := time.Now()
		stop := h.watch(cmds...)
		err := next(ctx, cmds)
		stop()
		if err == nil {
			return nil
		}
		h.judge(sent, err)
		for _, cmd := range cmds {
			h.judge(sent, cmd.Err())
		}
		return err
	}
}

// watch looks for the masters, again and again, if commands take long that wait for nothing. The caller stops it.
func (h followHook) watch(cmds ...redis.Cmder) (stop func()) {
	if h.patient || slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return waits(cmd.Name()) }) {
		return func() {}
	}
	var mu sync.Mutex
	var slow *time.Timer // nil once stopped
	mu.Lock()
	defer mu.Unlock()
	slow = time.AfterFunc(slowAfter, func() {
		h.look(time.Time{})
		mu.Lock()
		defer mu.Unlock()
		if slow != nil {
			slow.Reset(slowAfter)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		slow.Stop()
		slow = nil
	}
}

// waits reports whether a command may wait in the server, as it is meant to.
func waits(name string) bool {
	return strings.HasPrefix(name, "b") || strings.HasPrefix(name, "xread") || strings.HasPrefix(name, "wait")
}

// judge looks for the masters if an error says that there may be another.
func (h followHook) judge(sent time.Time, err error) {
	switch of, replica := elsewhere(err); {
	case replica:
		h.look(sent)
	case of:
		h.look(time.Time{})
	}
}

// elsewhere reports whether a command that failed so may find what it needs on another server, and whether a replica
// has answered it. A script on a server before 7.0 repeats such errors in its own.
func elsewhere(err error) (may, replica bool) {
	if err == nil {
		return false, false
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, redis.ErrClosed), false
	}
	text := reply.Error()
	for _, prefix := range []string{"READONLY ", "MASTERDOWN "} {
		if strings.HasPrefix(text, prefix) || strings.Contains(text, "-"+prefix) {
			return true, true
		}
	}
	for _, prefix := range []string{"NOREPLICAS ", "CLUSTERDOWN ", "LOADING "} {
		if strings.HasPrefix(text, prefix) || strings.Contains(text, "-"+prefix) {
			return true, false
		}
	}
	return false, false
}

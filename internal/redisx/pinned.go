package redisx

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxRedirects is how many redirections one call follows, as many as go-redis does.
const maxRedirects = 3

// Pinned is for commands that must share a connection with one that has a key, such as WAIT behind a write. On a
// cluster it follows where that one is redirected, which go-redis does for single commands alone.
type Pinned struct {
	cluster  *redis.ClusterClient // nil without a cluster
	home     *redis.Client        // the node that has the key, as far as the client knows
	patience time.Duration
}

// Pin returns a client of the node that has a key, with the patience to wait so long for a reply.
func Pin(ctx context.Context, rdb redis.UniversalClient, key string, patience time.Duration) (*Pinned, error) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		return &Pinned{home: WithTimeout(rdb, patience), patience: patience}, nil
	case *redis.ClusterClient:
		master, err := rdb.MasterForKey(ctx, key)
		if err != nil {
			return nil, err
		}
		return &Pinned{cluster: rdb, home: WithTimeout(master, patience), patience: patience}, nil
	}
	return nil, unsupported(rdb)
}

// Send sends commands over one connection. On a cluster those behind the first are sent when that has succeeded: a WAIT
// at a node that has refused the write would wait in vain. If the first is redirected all are sent to where that leads:
// it was not executed. Each command has its own error.
func (p *Pinned) Send(ctx context.Context, first redis.Cmder, others ...redis.Cmder) {
	if p.cluster == nil {
		sendTogether(ctx, p.home, append([]redis.Cmder{first}, others...))
		return
	}
	sendOn(ctx, p.home, false, first, others)
	for range maxRedirects {
		node, asking := p.redirected(first.Err())
		if node == nil {
			return
		}
		sendOn(ctx, node, asking, first, others)
		_ = node.Close()
	}
}

func sendTogether(ctx context.Context, to interface{ Pipeline() redis.Pipeliner }, cmds []redis.Cmder) {
	pipe := to.Pipeline()
	for _, cmd := range cmds {
		_ = pipe.Process(ctx, cmd)
	}
	_, _ = pipe.Exec(ctx)
}

func sendOn(ctx context.Context, node *redis.Client, asking bool, first redis.Cmder, others []redis.Cmder) {
	conn := node.Conn()
	defer conn.Close()
	if asking {
		sendTogether(ctx, conn, []redis.Cmder{redis.NewCmd(ctx, "ASKING"), first})
	} else {
		_ = conn.Process(ctx, first)
	}
	if first.Err() == nil {
		sendTogether(ctx, conn, others)
	}
}

// redirected returns a client of the node that an error redirects to, which the caller closes, and whether only this
// command may go there; nil if it redirects nowhere. The cluster's client does not disclose those that it has.
func (p *Pinned) redirected(err error) (node *redis.Client, asking bool) {
	if p.cluster == nil || err == nil {
		return nil, false
	}
	addr, moved := redis.IsMovedError(err)
	if moved {
		p.cluster.ReloadState(context.Background())
	} else if addr, asking = redis.IsAskError(err); !asking {
		return nil, false
	}
	opt := *p.home.Options()
	opt.Addr, opt.MaxRetries = addr, -1
	opt.PoolSize, opt.MinIdleConns, opt.PipelinePoolSize = 1, 0, -1
	opt.ReadTimeout, opt.WriteTimeout = p.patience, p.patience
	opt.PushNotificationProcessor = nil
	return p.cluster.Options().NewClient(&opt), asking
}

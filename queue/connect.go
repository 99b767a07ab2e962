package queue

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// readBlock is how long a read waits for jobs. Never 0, which waits for ever, and short enough that a stopping worker
// does not wait long for it.
const readBlock = time.Second

// ownClient opens a second client with the options of rdb and the habits that this package needs: nothing is sent
// twice, deadlines are kept, a read outlasts its block, and the pool has room for every queue's loops.
func ownClient(rdb redis.UniversalClient, queues int) (redis.UniversalClient, error) {
	const loops = 4 // of a queue that may wait for Redis at once: read, claim, beat, finish
	switch rdb := rdb.(type) {
	case *redis.Client:
		opt := *rdb.Options()
		opt.MaxRetries = -1
		opt.ContextTimeoutEnabled = true
		opt.ReadTimeout = max(opt.ReadTimeout, readBlock+2*time.Second)
		opt.PoolSize = max(opt.PoolSize, loops*queues+4)
		opt.PipelinePoolSize = -1
		opt.PushNotificationProcessor, opt.MaintNotificationsConfig = nil, noMaintenance()
		return redis.NewClient(&opt), nil
	case *redis.ClusterClient:
		opt := *rdb.Options()
		opt.ContextTimeoutEnabled = true
		opt.ReadTimeout = max(opt.ReadTimeout, readBlock+2*time.Second)
		opt.PoolSize = max(opt.PoolSize, loops*queues+4)
		opt.PipelinePoolSize = -1
		opt.MaintNotificationsConfig = noMaintenance()
		opt.MaxRetries = -1
		return redis.NewClusterClient(&opt), nil
	}
	return nil, fmt.Errorf("client of type %T: need a *redis.Client or a *redis.ClusterClient", rdb)
}

// reader is a client for one queue's blocking reads: one connection, whose ID is known, so that a stopping worker can
// end a read that waits instead of waiting for it.
type reader struct {
	redis.UniversalClient
	connection atomic.Int64 // 0 if not known, as on a cluster: then a stopping worker waits, for readBlock at the most
}

func newReader(rdb redis.UniversalClient) *reader {
	r := &reader{UniversalClient: rdb}
	single, ok := rdb.(*redis.Client)
	if !ok {
		return r
	}
	opt := *single.Options()
	opt.PoolSize, opt.MaxActiveConns, opt.MinIdleConns = 1, 0, 0
	opt.PushNotificationProcessor = nil
	connected := opt.OnConnect
	opt.OnConnect = func(ctx context.Context, conn *redis.Conn) error {
		if id, err := conn.ClientID(ctx).Result(); err == nil { // a server may forbid the command
			r.connection.Store(id)
		}
		if connected != nil {
			return connected(ctx, conn)
		}
		return nil
	}
	r.UniversalClient = redis.NewClient(&opt)
	return r
}

// close closes the client, unless it is the worker's own.
func (r *reader) close(own redis.UniversalClient) {
	if r.UniversalClient != own {
		_ = r.Close()
	}
}

// interrupt ends a read that waits. It is a courtesy: the read ends by itself soon.
func (r *reader) interrupt(ctx context.Context, rdb redis.UniversalClient) {
	if id := r.connection.Load(); id != 0 {
		_ = rdb.ClientUnblock(ctx, id).Err()
	}
}

// noMaintenance turns off notifications of managed services: they cost a round trip for each connection, and a
// worker outlives a moved or restarted server without them.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

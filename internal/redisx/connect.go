package redisx

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// OwnClient opens a second client with the options of rdb, for a package that decides itself what is sent again: the
// client sends nothing twice, keeps the deadlines of contexts, and has at least that time for a reply and that many
// connections, which lead to masters alone and follow them. The caller closes it. The hooks of a client of one server
// see its commands; functions that rdb was given may panic, which fails a command. See [OnceCluster] for what is
// left to a client of a cluster.
func OwnClient(rdb redis.UniversalClient, readTimeout time.Duration, poolSize int) (
	redis.UniversalClient, *Follower, error,
) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		if rdb == nil {
			break
		}
		opt := *rdb.Options()
		opt.Dialer, opt.OnConnect = guardDial(opt.Dialer), guardConnect(opt.OnConnect)
		opt.MaxRetries = -1
		opt.ContextTimeoutEnabled = true
		opt.ReadTimeout = max(opt.ReadTimeout, readTimeout)
		opt.PoolSize = max(opt.PoolSize, poolSize)
		opt.PipelinePoolSize = -1
		opt.PushNotificationProcessor, opt.MaintNotificationsConfig = nil, NoMaintenance()
		own, follower := OpenFollowing(rdb, &opt)
		addHooksOf(own, rdb)
		return own, follower, nil
	case *redis.ClusterClient:
		if rdb == nil {
			break
		}
		opt := *rdb.Options()
		opt.Dialer, opt.OnConnect = guardDial(opt.Dialer), guardConnect(opt.OnConnect)
		opt.MaxRetries = -1
		opt.ContextTimeoutEnabled = true
		opt.ReadTimeout = max(opt.ReadTimeout, readTimeout)
		opt.PoolSize = max(opt.PoolSize, poolSize)
		opt.PipelinePoolSize = -1
		opt.MaintNotificationsConfig = NoMaintenance()
		own, follower := openFollowingCluster(&opt)
		return own, follower, nil
	}
	return nil, nil, unsupported(rdb)
}

// Connections returns how many connections a client has to one server at the most.
func Connections(rdb redis.UniversalClient) int {
	size, active := 0, 0
	switch rdb := rdb.(type) {
	case *redis.Client:
		size, active = rdb.Options().PoolSize, rdb.Options().MaxActiveConns
	case *redis.ClusterClient:
		size, active = rdb.Options().PoolSize, rdb.Options().MaxActiveConns
	}
	if active > 0 {
		return min(size, active)
	}
	return size
}

func unsupported(rdb redis.UniversalClient) error {
	if v := reflect.ValueOf(rdb); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errors.New("client of Redis is nil")
	}
	return fmt.Errorf("client of type %T: need a *redis.Client or a *redis.ClusterClient", rdb)
}

// NoMaintenance turns off the notifications of managed services about their maintenance: they cost a round trip for
// each connection, and only Redis Enterprise has them.
func NoMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// Reader is a client for one loop of blocking reads: one connection, whose ID is known, so that a read that waits can
// be ended. On a cluster it is the client that it was made from.
type Reader struct {
	redis.UniversalClient
	from       redis.UniversalClient
	connection atomic.Int64 // 0 if not known
	opened     atomic.Int64 // how many connections were
}

// NewReader returns a reader of the servers of rdb. Its options are those of rdb.
func NewReader(rdb redis.UniversalClient) *Reader {
	r := &Reader{UniversalClient: rdb, from: rdb}
	single, ok := rdb.(*redis.Client)
	if !ok {
		return r
	}
	opt := *single.Options()
	opt.PoolSize, opt.MaxActiveConns, opt.MinIdleConns = 1, 0, 0
	opt.PushNotificationProcessor = nil
	connected := opt.OnConnect
	opt.OnConnect = func(ctx context.Context, conn *redis.Conn) error {
		r.opened.Add(1)
		if id, err := conn.ClientID(ctx).Result(); err == nil { // a server may forbid the command
			r.connection.Store(id)
		}
		if connected != nil {
			return connected(ctx, conn)
		}
		return nil
	}
	reader := redis.NewClient(&opt)
	addHooksOf(reader, single)
	r.UniversalClient = reader
	return r
}

// Opened returns how many connections were opened so far. Where Redis takes no more, none is: the error of a command
// may be any, since Redis hangs up.
func (r *Reader) Opened() int64 { return r.opened.Load() }

// CanInterrupt reports whether the connection is known.
func (r *Reader) CanInterrupt() bool { return r.connection.Load() != 0 }

// Interrupt ends a read that waits as if its time were over, if the connection is known and the server allows it.
func (r *Reader) Interrupt(ctx context.Context) {
	if id := r.connection.Load(); id != 0 {
		_ = r.from.ClientUnblock(ctx, id).Err()
	}
}

// Close closes the connection. The client that the reader was made from stays open.
func (r *Reader) Close() error {
	if r.UniversalClient == r.from {
		return nil
	}
	return r.UniversalClient.Close()
}

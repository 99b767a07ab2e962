package link

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// NewClient opens a second client of rdb's server for links alone: it does not dial again by itself, which a link does,
// and speaks RESP2, in which a server's messages come one way only. The caller closes it.
func NewClient(rdb redis.UniversalClient) (redis.UniversalClient, error) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		return Single(rdb, nil), nil
	case *redis.ClusterClient:
		opt := *rdb.Options()
		opt.Protocol = 2
		opt.MaxRedirects = 3
		opt.MinIdleConns = 0
		opt.MaintNotificationsConfig = redisx.NoMaintenance()
		cluster := redis.NewClusterClient(&opt)
		redisx.Follow(cluster)
		return cluster, nil
	}
	return nil, fmt.Errorf("link: client of type %T: need a *redis.Client or a *redis.ClusterClient", rdb)
}

// Single is [NewClient] for one server. Each new connection is given to connected, if there is one.
func Single(rdb *redis.Client, connected func(ctx context.Context, conn *redis.Conn) error) *redis.Client {
	opt := *rdb.Options()
	opt.Protocol = 2
	opt.MaxRetries, opt.DialerRetries = -1, 1
	opt.PoolSize, opt.MinIdleConns, opt.MaxActiveConns, opt.PipelinePoolSize = 1, 0, 0, -1
	opt.PushNotificationProcessor, opt.MaintNotificationsConfig = nil, redisx.NoMaintenance()
	opt.ClientSideCacheConfig, opt.ClientSideCache = nil, nil
	own := opt.OnConnect
	opt.OnConnect = func(ctx context.Context, conn *redis.Conn) error {
		if own != nil {
			if err := own(ctx, conn); err != nil {
				return err
			}
		}
		if connected != nil {
			return connected(ctx, conn)
		}
		return nil
	}
	client, _ := redisx.OpenFollowing(rdb, &opt)
	return client
}

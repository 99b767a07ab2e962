package queue

import (
	"fmt"
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
		return redis.NewClusterClient(&opt), nil
	}
	return nil, fmt.Errorf("client of type %T: need a *redis.Client or a *redis.ClusterClient", rdb)
}

// noMaintenance turns off notifications of managed services: they cost a round trip for each connection, and a
// worker outlives a moved or restarted server without them.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

package queue

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// readBlock is how long a read waits for jobs. Never 0, which waits for ever, and short enough that a stopping worker
// does not wait long for it.
const readBlock = time.Second

// ownClient opens a second client with the options of rdb, in which a read outlasts its block, and the pool has a
// connection for each loop of a queue, and of many queues as many as are of use at the same time.
//
// Why: docs/decisions/engine.md#a-client-opens-connections-of-its-own
func ownClient(rdb redis.UniversalClient, queues int) (redis.UniversalClient, *redisx.Follower, error) {
	const manyQueues = 7
	const loops = 4 // of a queue that may wait for Redis at once: read, claim, heartbeat, acknowledge
	return redisx.OwnClient(rdb, readBlock+2*time.Second, loops*min(queues, manyQueues)+4)
}

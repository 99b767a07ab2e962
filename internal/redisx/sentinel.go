package redisx

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	watchEvery  = 20 * time.Millisecond
	reopenEvery = time.Second
)

// isSentinel reports whether a client asks Sentinel for its master: its library names the address of all such so.
func isSentinel(opt *redis.Options) bool { return opt.Addr == "FailoverClient" }

// watchOrigin notices that the client of Sentinel from whose options the follower's was made removes connections: it
// closes its own to a former master as soon as Sentinel announces another, and nobody else is notified. So that it has
// one to close, it is sent a PING when it has none. It runs until ctx ends.
//
// Why: docs/decisions/engine.md#own-connections-follow-the-master
func (f *Follower) watchOrigin(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	removed := f.origin.PoolStats().StaleConns
	for next := time.Now(); ; {
		stats := f.origin.PoolStats()
		if stats.StaleConns != removed {
			removed = stats.StaleConns
			f.look(time.Time{})
		}
		if stats.TotalConns == 0 && !time.Now().Before(next) {
			next = time.Now().Add(reopenEvery)
			_ = f.origin.Ping(ctx).Err()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// refuseReplica makes a connection that Sentinel has led to a replica fail as if the replica had refused a write.
func refuseReplica(connected connectFunc) connectFunc {
	return func(ctx context.Context, conn *redis.Conn) error {
		if isReplica(conn.Do(ctx, "ROLE")) {
			return replicaError{}
		}
		if connected == nil {
			return nil
		}
		return connected(ctx, conn)
	}
}

// isReplica reports whether a replica has answered a ROLE.
func isReplica(role *redis.Cmd) bool {
	reply, err := role.Slice()
	return err == nil && len(reply) > 0 && reply[0] == "slave"
}

// CheckRole asks the server of one of the client's connections whether it is the master, and closes them if it is a
// replica. A server that does not disclose it is taken for a master.
func (f *Follower) CheckRole(ctx context.Context) {
	if f.single == nil {
		return // a cluster redirects
	}
	sent := time.Now()
	if isReplica(f.single.Do(ctx, "ROLE")) {
		f.look(sent)
	}
}

// replicaError is an error of a server that is a replica, as the client library knows them.
type replicaError struct{}

func (replicaError) Error() string { return "READONLY Sentinel has named a replica as the master" }

// RedisError makes it a redis.Error.
func (replicaError) RedisError() {}

package redisx

import (
	"context"
	"runtime"
	"sync"
	"time"
	"weak"

	"github.com/redis/go-redis/v9"
)

// manualReload is how often the map of a cluster is read that is no real one, such as a master and its replicas by way
// of Sentinel: nothing there redirects a client that has an old one.
const manualReload = time.Second

// OpenFollowing opens a client of one server, with options like those of origin, whose connections follow the master: a
// replica's are closed when it is found to be one, and with Sentinel those to a former master as soon as another is
// announced.
func OpenFollowing(origin *redis.Client, opt *redis.Options) (*redis.Client, *Follower) {
	f := newFollower(opt.Dialer)
	f.network, f.addr = opt.Network, opt.Addr
	if isSentinel(opt) {
		f.origin = origin
		opt.OnConnect = refuseReplica(opt.OnConnect)
	}
	opt.Dialer = f.connect
	rdb := redis.NewClient(opt)
	rdb.AddHook(followHook{look: f.look, patient: f.origin == nil})
	f.single = rdb
	return rdb, f
}

// openFollowingCluster opens a client of a cluster whose map is read again when a command fails or takes long, and
// which never reads from replicas.
func openFollowingCluster(opt *redis.ClusterOptions) (*redis.ClusterClient, *Follower) {
	dial := opt.Dialer
	if dial == nil {
		dial = redis.NewDialer(&redis.Options{DialTimeout: opt.DialTimeout, TLSConfig: opt.TLSConfig})
	}
	f := newFollower(dial)
	opt.Dialer, opt.DialerRetries = f.connect, 1 // a node that is gone is not waited for
	opt.ReadOnly, opt.RouteByLatency, opt.RouteRandomly = false, false, false
	if opt.ClusterSlots != nil {
		opt.ClusterStateReloadInterval = min(opt.ClusterStateReloadInterval, manualReload)
	}
	f.cluster = redis.NewClusterClient(opt)
	f.cluster.OnNewNode(func(node *redis.Client) { node.AddHook(followHook{look: f.look}) })
	return f.cluster, f
}

// followed has the clients that [Follow] has seen, by weak pointers.
var followed sync.Map

// Follow makes a cluster's client, which is the caller's, read its map again when a command fails or takes long, not
// once a minute alone. It may be called again and again; other clients it leaves as they are, for they ask where their
// server is with each new connection.
//
// Why: docs/decisions/engine.md#a-cluster-clients-map-is-read-again-after-failures
func Follow(rdb redis.UniversalClient) {
	cluster, ok := rdb.(*redis.ClusterClient)
	if !ok || cluster == nil {
		return
	}
	key := weak.Make(cluster)
	if _, was := followed.LoadOrStore(key, true); was {
		return
	}
	runtime.AddCleanup(cluster, func(key weak.Pointer[redis.ClusterClient]) { followed.Delete(key) }, key)
	hook := followHook{dials: true, look: func(time.Time) { cluster.ReloadState(context.Background()) }}
	cluster.AddHook(hook)
	cluster.OnNewNode(func(node *redis.Client) { node.AddHook(hook) })
}

package redisx

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	lookEvery   = 100 * time.Millisecond // at the most
	lookTimeout = time.Second
)

// Follower keeps a client's connections on the servers that are masters: it looks again for them when a command fails
// in a way that another server may explain, or takes long, and closes the connections to those that are none any more.
// What waits for a reply there fails, and what comes after goes to the new master.
//
// Why: docs/decisions/engine.md#own-connections-follow-the-master
type Follower struct {
	network, addr string
	dial          dialFunc // the client's, as it was given
	single        *redis.Client
	origin        *redis.Client // the client of Sentinel from whose options it was made; nil without Sentinel
	cluster       *redis.ClusterClient
	moves         atomic.Int64

	mu      sync.Mutex // guards all below
	conns   map[*followedConn]struct{}
	masters string             // that were found last: of a cluster all, in order
	unwatch context.CancelFunc // ends watchOrigin; nil while it does not run

	looking bool      // a goroutine looks
	again   bool      // and shall once more
	replica time.Time // connections that were opened before lead to a replica; zero: none do
}

func newFollower(dial dialFunc) *Follower {
	return &Follower{dial: dial, conns: map[*followedConn]struct{}{}}
}

// Moves returns how often another server was found to be the master, which may lack what was last written to the one
// before. In a cluster, one of its masters.
func (f *Follower) Moves() int64 { return f.moves.Load() }

// connect dials for the client, and takes the connection into account.
func (f *Follower) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := f.dialMaster(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &followedConn{Conn: conn, follower: f, addr: addr, opened: time.Now()}
	c.used.Store(c.opened.UnixNano())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[c] = struct{}{}
	if f.origin != nil && f.unwatch == nil {
		var watch context.Context
		watch, f.unwatch = context.WithCancel(context.Background())
		go f.watchOrigin(watch)
	}
	return c.asSyscallConn(), nil
}

// dialMaster dials, and closes the connections that lead elsewhere than Sentinel leads now.
func (f *Follower) dialMaster(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := f.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	var stale []*followedConn
	if to := server(conn); f.origin != nil && !sameServer(f.masters, to) {
		f.found(to)
		stale = f.staleUnless(func(c *followedConn) bool { return sameServer(server(c.Conn), to) })
	}
	f.mu.Unlock()
	drop(stale)
	return conn, nil
}

// found notes which masters were found. The mutex is held.
func (f *Follower) found(masters string) {
	if f.masters != "" && f.masters != masters {
		f.moves.Add(1)
	}
	f.masters = masters
}

// staleUnless lists the connections that shall not stay. The mutex is held.
func (f *Follower) staleUnless(stays func(*followedConn) bool) []*followedConn {
	var stale []*followedConn
	for c := range f.conns {
		if !stays(c) {
			stale = append(stale, c)
		}
	}
	return stale
}

// drop closes connections. Not under the mutex: each takes itself out of the account.
func drop(stale []*followedConn) {
	for _, c := range stale {
		c.dropped.Store(true)
	}
	for _, c := range stale {
		_ = c.Close()
	}
}

// closed takes a connection out of the account.
func (f *Follower) closed(c *followedConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
	if len(f.conns) == 0 && f.unwatch != nil {
		f.unwatch()
		f.unwatch = nil
	}
}

// look looks again for the masters, in the background and not more often than it makes sense. With a time, connections
// that were opened before lead to a replica.
func (f *Follower) look(replica time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if replica.After(f.replica) {
		f.replica = replica
	}
	f.again = f.looking
	if !f.looking {
		f.looking = true
		go f.lookUntilSettled()
	}
}

func (f *Follower) lookUntilSettled() {
	for {
		f.lookOnce()
		pause := time.NewTimer(lookEvery)
		<-pause.C
		f.mu.Lock()
		f.looking, f.again = f.again, false
		settled := !f.looking
		f.mu.Unlock()
		if settled {
			return
		}
	}
}

func (f *Follower) lookOnce() {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	if f.cluster != nil {
		f.lookAtCluster(ctx)
		return
	}
	f.dropReplicas()
	if f.origin == nil {
		return
	}
	if conn, err := f.dialMaster(ctx, f.network, f.addr); err == nil {
		_ = conn.Close() // it was for the sake of where it leads to
	}
}

// dropReplicas closes the connections that are known to lead to a replica.
func (f *Follower) dropReplicas() {
	f.mu.Lock()
	replica := f.replica
	f.replica = time.Time{}
	if !replica.IsZero() {
		f.moves.Add(1)
	}
	stale := f.staleUnless(func(c *followedConn) bool { return c.opened.After(replica) })
	f.mu.Unlock()
	drop(stale)
}

// lookKey marks the contexts of looking: that fails like anything else, and is no reason to look.
type lookKey struct{}

// lookAtCluster has the client's map of the cluster read again, and closes the connections to what is no master in it.
func (f *Follower) lookAtCluster(ctx context.Context) {
	nodes, err := Masters(context.WithValue(ctx, lookKey{}, true), f.cluster)
	if err != nil || len(nodes) == 0 {
		return
	}
	masters := map[string]bool{}
	for _, node := range nodes {
		masters[node.Options().Addr] = true
	}
	f.mu.Lock()
	f.found(strings.Join(slices.Sorted(maps.Keys(masters)), " "))
	stale := f.staleUnless(func(c *followedConn) bool { return masters[c.addr] })
	f.mu.Unlock()
	drop(stale)
}

// server is the address that a connection leads to.
func server(conn net.Conn) string {
	if addr := conn.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// sameServer reports whether two addresses may be the same server's. One that has both an IPv4 and an IPv6 address is
// reached by either.
func sameServer(a, b string) bool {
	if a == b {
		return true
	}
	first, errFirst := net.ResolveTCPAddr("tcp", a) // both are numeric
	second, errSecond := net.ResolveTCPAddr("tcp", b)
	if errors.Join(errFirst, errSecond) != nil {
		return false
	}
	return first.Port == second.Port && (first.IP.To4() == nil) != (second.IP.To4() == nil)
}

package redistest

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// masterName is by what the Sentinel of [NewSentinel] knows its master.
const masterName = "m"

// Sentinel is a master and its replica, watched by one Sentinel.
type Sentinel struct{ Master, Replica, Server *Server }

// NewSentinel starts the three, with args for the servers of data, and waits until they have found each other.
func NewSentinel(tb testing.TB, args ...string) *Sentinel {
	tb.Helper()
	s := &Sentinel{Master: New(tb, args...)}
	host, port, _ := net.SplitHostPort(s.Master.Addr)
	s.Replica = New(tb, append([]string{"--replicaof", host + " " + port}, args...)...)
	replica := s.Replica.Client(tb)
	Await(tb, func() bool {
		return strings.Contains(replica.Info(tb.Context(), "replication").Val(), "master_link_status:up")
	})
	s.Server = startSentinel(tb, host, port)
	sentinel := s.client()
	defer sentinel.Close()
	Await(tb, func() bool {
		replicas := sentinel.Replicas(tb.Context(), masterName).Val()
		return len(replicas) == 1 && replicas[0]["flags"] == "slave" && replicas[0]["master-link-status"] == "ok"
	})
	return s
}

func startSentinel(tb testing.TB, host, port string) *Server {
	tb.Helper()
	server, err := StartSentinel(tb.TempDir(), fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 1\n"+
		"sentinel down-after-milliseconds %[1]s 1000\n", masterName, host, port))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Kill)
	return server
}

func (s *Sentinel) client() *redis.SentinelClient {
	return redis.NewSentinelClient(&redis.Options{Addr: s.Server.Addr})
}

// Client returns a client of the master, whichever it is, closed when the test ends.
func (s *Sentinel) Client(tb testing.TB) *redis.Client {
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: masterName, SentinelAddrs: []string{s.Server.Addr}})
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// Failover makes the replica the master, as a person does before maintenance. It returns while that is under way.
func (s *Sentinel) Failover(tb testing.TB) {
	tb.Helper()
	sentinel := s.client()
	defer sentinel.Close()
	Await(tb, func() bool { return sentinel.Failover(tb.Context(), masterName).Err() == nil })
}

// Await waits until a condition holds, for a minute at the most.
func Await(tb testing.TB, holds func() bool) {
	tb.Helper()
	deadline, tick := time.NewTimer(time.Minute), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatal("not within a minute")
		}
	}
}

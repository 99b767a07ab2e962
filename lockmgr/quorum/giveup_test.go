package quorum_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
	"github.com/navvy-go/navvy/lockmgr/quorum"
)

// struck puts a proxy before some of the servers, and returns a quorum through them.
func (m *members) struck(n int) (*quorum.Manager, []*locktest.Proxy) {
	m.Helper()
	var proxies []*locktest.Proxy
	clients := append([]redis.UniversalClient(nil), m.clients...)
	for i := range n {
		proxy := locktest.NewProxy(m.T, m.servers[i].Addr)
		rdb := redis.NewClient(&redis.Options{
			Addr: proxy.Addr, MaxRetries: -1, DialerRetries: 1, ReadTimeout: 300 * time.Millisecond,
		})
		m.Cleanup(func() { _ = rdb.Close() })
		proxies, clients[i] = append(proxies, proxy), rdb
	}
	m.warm(m.clients)
	m.warm(clients)
	q, err := quorum.New(clients...)
	locktest.Must(m.T, err)
	m.Cleanup(q.Close)
	return q, proxies
}

// warm loads the scripts, so that each is one request, and waits until no request is under way.
func (m *members) warm(clients []redis.UniversalClient) {
	m.Helper()
	q, err := quorum.New(clients...)
	locktest.Must(m.T, err)
	defer q.Close()
	lock, err := q.TryAcquire(m.Context(), "warm")
	locktest.Must(m.T, err)
	locktest.Must(m.T, lock.Release(m.Context()))
}

func (m *members) free(name string) bool {
	for _, rdb := range m.clients {
		if rdb.Exists(m.Context(), "lock:"+name).Val() != 0 {
			return false
		}
	}
	return true
}

func TestQuorumLeavesNothingWithAServerThatAnswersLate(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]locktest.Fault{
		"late reply": locktest.LateReply, "lost reply": locktest.LostReply, "late request": locktest.LateRequest,
	} {
		for what, struck := range map[string]int{"released": 1, "given up": 2} {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				m := newMembers(t, 3)
				q, proxies := m.struck(struck)
				for _, proxy := range proxies {
					proxy.Strike(fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				lock, err := q.TryAcquire(ctx, "b", quorum.TTL(time.Minute))
				if (err == nil) != (what == "released") {
					t.Fatalf("got %v", err)
				}
				if err == nil {
					locktest.Must(t, lock.Release(t.Context()))
				}
				if fault == locktest.LateRequest {
					locktest.Eventually(t, "the attempt is withdrawn", func() bool {
						return len(m.clients[0].Keys(t.Context(), "*:withdrawn:*").Val()) > 0
					})
				}
				for _, proxy := range proxies {
					proxy.Heal()
				}
				locktest.Eventually(t, "no server has its part", func() bool { return m.free("b") })
			})
		}
	}
}

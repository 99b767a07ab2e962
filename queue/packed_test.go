package queue_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue"
)

// overTLS returns a dialer to a server that is reached by TLS alone.
func overTLS(t *testing.T, server string) (addr string, config *tls.Config) {
	t.Helper()
	site := httptest.NewTLSServer(nil) // for its certificate
	defer site.Close()
	plain, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: tls.NewListener(plain, site.TLS), target: server}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = plain.Close()
		p.closeAll()
		p.wg.Wait()
	})
	return plain.Addr().String(), site.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
}

// packedReads counts the replies with jobs that came as one text, and those that did not.
type packedReads struct{ packed, others atomic.Int64 }

func (*packedReads) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p *packedReads) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if read, ok := cmd.(redisx.PackedCmd); ok && len(read.Val()) > 10 {
			if read.Val()[0] == '$' {
				p.packed.Add(1)
			} else {
				p.others.Add(1)
			}
		}
		return err
	}
}

func (*packedReads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// However the application has set up its client, a worker's reads are taken in below the client library.
func TestReadsArePackedOverEveryConnection(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	if err := rdb.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	addr, config := overTLS(t, server.Addr)
	for name, client := range map[string]redis.UniversalClient{
		"RESP2": redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 2}),
		"RESP3": redis.NewClient(&redis.Options{Addr: server.Addr, Protocol: 3, DB: 3, ClientName: "app"}),
		"TLS and a password, RESP2": redis.NewClient(&redis.Options{
			Addr: addr, TLSConfig: config, Protocol: 2, Username: "app", Password: "secret",
		}),
		"TLS and a password, RESP3": redis.NewClient(&redis.Options{
			Addr: addr, TLSConfig: config, CredentialsProvider: func() (string, string) { return "app", "secret" },
		}),
		"small buffers": redis.NewClient(&redis.Options{Addr: server.Addr, WriteBufferSize: 48, ReadBufferSize: 16}),
		"a dialer": redis.NewClient(&redis.Options{
			Addr: "nowhere", Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", server.Addr)
			},
		}),
		"Sentinel":  redistest.NewSentinel(t).Client(t),
		"a cluster": newClusterClient(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { _ = client.Close() })
			drainPacked(t, client)
		})
	}
}

func newClusterClient(t *testing.T) *redis.ClusterClient {
	rdb, _ := redistest.NewCluster(t)
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: rdb.Options().Addrs})
}

func drainPacked(t *testing.T, rdb redis.UniversalClient) {
	var reads packedReads
	switch rdb := rdb.(type) {
	case *redis.Client:
		rdb.AddHook(&reads)
	case *redis.ClusterClient:
		rdb.Options().NewClient = func(opt *redis.Options) *redis.Client {
			node := redis.NewClient(opt)
			node.AddHook(&reads)
			return node
		}
	}
	const jobs = 300
	namespace := redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	items, want := make([]queue.Item, jobs), map[string]bool{}
	for i := range items {
		data := fmt.Sprintf(`{"n":%d,"bytes":"\r\n$10\r\nXREADGROUP\r\n"}`, i)
		want[data] = true
		items[i] = queue.Item{
			Args: queue.JSON("k", []byte(data)), Options: []queue.EnqueueOption{queue.On("orders")},
		}
	}
	if _, err := client.EnqueueMany(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	ran := make(chan string, jobs)
	mux := queue.NewMux()
	mux.HandleKind("k", func(_ context.Context, run *queue.Run) error {
		ran <- string(run.Data)
		return nil
	})
	w, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range jobs {
		data := <-ran
		if !want[data] {
			t.Errorf("ran %s", data)
		}
		delete(want, data)
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if reads.packed.Load() == 0 || reads.others.Load() > 0 {
		t.Errorf("%d replies were packed, %d were not", reads.packed.Load(), reads.others.Load())
	}
}

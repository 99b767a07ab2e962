package redisx_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

func TestOwnClientSendsNothingTwiceAndKeepsDeadlines(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	rdb := redis.NewClient(&redis.Options{
		Addr: server.Addr, DB: 1, PoolSize: 2, ReadTimeout: time.Second, MaxRetries: 5, Dialer: losing("rpush"),
	})
	defer rdb.Close()
	own, _, err := redisx.OwnClient(rdb, time.Minute, 7)
	must(t, err)
	defer own.Close()
	key := redistest.Namespace()
	if err := own.RPush(t.Context(), key, "x").Err(); !isLost(err) {
		t.Errorf("a lost reply: %v", err)
	}
	if n := rdb.LLen(t.Context(), key).Val(); n != 1 { // in the database of the first client
		t.Errorf("executed %d times", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := own.BLPop(ctx, 30*time.Second, key+"none").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("behind its deadline: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("waited %s", took)
	}
	opt := own.(*redis.Client).Options()
	if opt.PoolSize != 7 || opt.ReadTimeout != time.Minute || rdb.Options().PoolSize != 2 {
		t.Errorf("pool of %d, read timeout %s; first pool of %d", opt.PoolSize, opt.ReadTimeout, rdb.Options().PoolSize)
	}
}

func TestOwnClientKeepsWhatIsLarger(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	cluster.Options().ReadTimeout, cluster.Options().PoolSize = time.Hour, 50
	own, _, err := redisx.OwnClient(cluster, time.Minute, 7)
	must(t, err)
	defer own.Close()
	must(t, own.Set(t.Context(), "k", "v", 0).Err())
	opt := own.(*redis.ClusterClient).Options()
	if opt.PoolSize != 50 || opt.ReadTimeout != time.Hour || !opt.ContextTimeoutEnabled {
		t.Errorf("pool of %d, read timeout %s", opt.PoolSize, opt.ReadTimeout)
	}
}

func TestOwnClientRefusesOtherClients(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": redistest.Shared(t).Addr}})
	defer ring.Close()
	if _, _, err := redisx.OwnClient(ring, 0, 0); err == nil {
		t.Error("a ring was taken")
	}
}

func TestReadersCanBeInterrupted(t *testing.T) {
	t.Parallel()
	connected := make(chan struct{}, 10)
	rdb := redis.NewClient(&redis.Options{
		Addr: redistest.Shared(t).Addr,
		OnConnect: func(context.Context, *redis.Conn) error {
			connected <- struct{}{}
			return nil
		},
	})
	defer rdb.Close()
	reader := redisx.NewReader(rdb)
	reader.Interrupt(t.Context()) // not connected: nothing happens
	read := make(chan error, 1)
	go func() {
		read <- reader.Do(t.Context(), "XREAD", "BLOCK", 0, "STREAMS", redistest.Namespace(), "$").Err()
	}()
	<-connected // the function of the first client is called, too
	var err error
	eventually(t, func() bool {
		reader.Interrupt(t.Context())
		select {
		case err = <-read:
			return true
		default:
			return false
		}
	})
	if !errors.Is(err, redis.Nil) {
		t.Errorf("the read ended with %v", err)
	}
	must(t, reader.Close())
	must(t, rdb.Ping(t.Context()).Err())
	if err := reader.Ping(t.Context()).Err(); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("a closed reader: %v", err)
	}
}

func TestReadersOfAClusterAreItsClient(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	reader := redisx.NewReader(cluster)
	reader.Interrupt(t.Context())
	must(t, reader.Close())
	must(t, cluster.Ping(t.Context()).Err())
}

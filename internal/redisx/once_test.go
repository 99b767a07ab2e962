package redisx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

// cutConn loses the reply to the first request with a text in it: the command was executed, its connection breaks.
type cutConn struct {
	net.Conn
	text string
	left *atomic.Int64 // how many replies are to be lost
	cut  atomic.Bool
}

// losing returns a dialer of connections that lose the reply to one request with that text.
func losing(text string) func(context.Context, string, string) (net.Conn, error) {
	left := &atomic.Int64{}
	left.Store(1)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &cutConn{Conn: conn, text: text, left: left}, nil
	}
}

func (c *cutConn) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(c.text)) && c.left.Add(-1) >= 0 {
		c.cut.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.cut.Load() && err == nil {
		_ = c.Close()
		return 0, io.EOF
	}
	return n, err
}

// isLost reports whether a command failed because its connection broke.
func isLost(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) }

func TestCommandsThatAreSentOnceAreNotSentAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	for name, c := range map[string]struct {
		make func(key string) redis.Cmder
		want int64 // how often it is executed
	}{
		"an ordinary one": {func(key string) redis.Cmder { return redis.NewCmd(t.Context(), "RPUSH", key, "x") }, 2},
		"once": {func(key string) redis.Cmder {
			return redisx.OnceCmd{Cmd: redis.NewCmd(t.Context(), "RPUSH", key, "x")}
		}, 1},
		"a string once": {func(key string) redis.Cmder {
			return redisx.OnceStringCmd{StringCmd: redis.NewStringCmd(t.Context(), "RPUSH", key, "x")}
		}, 1},
	} {
		key := redistest.Namespace()
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr, Dialer: losing("RPUSH")})
		err := rdb.Process(t.Context(), c.make(key))
		if wantErr := c.want == 1; isLost(err) != wantErr {
			t.Errorf("%s: %v", name, err)
		}
		if n := rdb.LLen(t.Context(), key).Val(); n != c.want {
			t.Errorf("%s: executed %d times, want %d", name, n, c.want)
		}
		_ = rdb.Close()
	}
}

func TestAClusterSendsScriptsOnce(t *testing.T) {
	t.Parallel()
	addr := newCluster(t).Options().Addrs[0]
	script := redis.NewScript("return redis.call('INCR', KEYS[1])")
	for _, text := range []string{"EVALSHA", "EVAL\r\n"} {
		open := func() *redis.ClusterClient {
			c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, Dialer: losing(text)})
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		run := script.EvalSha
		if text != "EVALSHA" {
			run = script.Eval
		}
		ordinary := open()
		must(t, script.Load(t.Context(), ordinary).Err())
		if err := run(t.Context(), ordinary, []string{text + "a"}).Err(); err != nil {
			t.Errorf("%q: an ordinary client: %v", text, err)
		}
		err := run(t.Context(), redisx.OnceCluster{ClusterClient: open()}, []string{text + "b"}).Err()
		if !isLost(err) {
			t.Errorf("%q: %v", text, err)
		}
		twice, once := ordinary.Get(t.Context(), text+"a").Val(), ordinary.Get(t.Context(), text+"b").Val()
		if twice != "2" || once != "1" {
			t.Errorf("%q: the script ran %s and %s times, want 2 and 1", text, twice, once)
		}
		reply, err := run(t.Context(), redisx.OnceCluster{ClusterClient: ordinary}, []string{text + "b"}).Int()
		if err != nil || reply != 2 {
			t.Errorf("%q: %d, %v", text, reply, err)
		}
	}
}

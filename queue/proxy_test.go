package queue_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between a client and Redis. On demand it cuts each connection at the next reply: the command arrives,
// its reply does not.
type proxy struct {
	listener net.Listener
	target   string
	cut      atomic.Int64                              // how many replies to cut
	cutOn    atomic.Pointer[func(request []byte) bool] // cut the reply to the first request that it is true of
	// rather than cut it: nothing comes back on that connection any more
	swallow atomic.Bool
	drop    atomic.Bool // each such request is cut before it arrives
	mute    atomic.Bool // swallow replies and keep the connection

	bandwidth atomic.Int64 // bytes of replies in a second, over all connections; 0: as many as come
	pace      sync.Mutex   // held while bytes take their time

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	p.wg.Go(p.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		var doomed atomic.Bool
		p.wg.Go(func() { p.requests(client, server, &doomed) })
		p.wg.Go(func() { p.replies(client, server, &doomed) })
	}
}

func (p *proxy) requests(client, server net.Conn, doomed *atomic.Bool) {
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if is := p.cutOn.Load(); is != nil && (*is)(buf[:n]) {
			if p.drop.Load() {
				_ = client.Close()
				return
			}
			if p.cutOn.CompareAndSwap(is, nil) {
				doomed.Store(true)
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) replies(client, server net.Conn, doomed *atomic.Bool) {
	defer client.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if doomed.Load() && p.swallow.Load() {
			continue
		}
		if doomed.Load() || p.cut.Load() > 0 && p.cut.Add(-1) >= 0 {
			_ = server.Close()
			return
		}
		if p.mute.Load() {
			continue
		}
		if perSecond := p.bandwidth.Load(); perSecond > 0 {
			p.pace.Lock()
			<-time.After(time.Duration(n) * time.Second / time.Duration(perSecond))
			p.pace.Unlock()
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

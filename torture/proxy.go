package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/torture/internal/pause"
)

// proxy stands between one process and Redis and spoils what passes: it cuts connections at any byte, slows them
// down, or lets nothing through.
type proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64 // of each chunk, ns
	ending   chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	links map[*link]bool
	gate  chan struct{} // closed when bytes may pass
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	budget         atomic.Int64 // bytes until it is cut; negative: it is not
}

func newProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("torture: proxy: %w", err)
	}
	p := &proxy{
		listener: listener, target: target, ending: make(chan struct{}), links: map[*link]bool{}, gate: make(chan struct{}),
	}
	close(p.gate)
	p.wg.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// close ends the proxy and every connection, and waits for them.
func (p *proxy) close() {
	close(p.ending)
	_ = p.listener.Close()
	for _, l := range p.open() {
		l.close()
	}
	p.wg.Wait()
}

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
		l := &link{client: client, server: server}
		l.budget.Store(-1)
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.wg.Go(func() { p.pump(l, server, client) })
		p.wg.Go(func() { p.pump(l, client, server) })
		select {
		case <-p.ending: // close may have missed it
			l.close()
		default:
		}
	}
}

// pump carries the bytes of one direction until either end is gone.
func (p *proxy) pump(l *link, to, from net.Conn) {
	defer func() {
		l.close()
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !p.pass() {
			return
		}
		n, cut := l.spend(n)
		if _, err := to.Write(buf[:n]); err != nil || cut {
			return
		}
	}
}

// pass waits until bytes may pass; it returns false when the proxy ends.
func (p *proxy) pass() bool {
	if d := time.Duration(p.delay.Load()); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.ending:
			return false
		}
	}
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	select {
	case <-gate:
		return true
	case <-p.ending:
		return false
	}
}

// spend returns how many of n bytes may pass before the link is cut, if it is to be.
func (l *link) spend(n int) (int, bool) {
	if l.budget.Load() < 0 {
		return n, false
	}
	left := l.budget.Add(int64(-n))
	if left > 0 {
		return n, false
	}
	l.budget.Store(0)
	return max(n+int(left), 0), true
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (p *proxy) open() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// cut cuts each connection at a random byte of what passes next, in the middle of a command or a reply; those on
// which little passes are cut anyway a little later.
func (p *proxy) cut(ctx context.Context, rng *rand.Rand) {
	links := p.open()
	for _, l := range links {
		l.budget.Store(rng.Int64N(2000))
	}
	pause.For(ctx, 200*time.Millisecond)
	for _, l := range links {
		l.close()
	}
}

// slow delays each chunk by delay, for so long.
func (p *proxy) slow(ctx context.Context, delay, long time.Duration) {
	p.delay.Store(int64(delay))
	pause.For(ctx, long)
	p.delay.Store(0)
}

// stall lets nothing pass for so long; the connections stay, and then everything comes at once.
func (p *proxy) stall(ctx context.Context, long time.Duration) {
	gate := make(chan struct{})
	p.mu.Lock()
	p.gate = gate
	p.mu.Unlock()
	pause.For(ctx, long)
	close(gate)
}

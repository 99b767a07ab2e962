package locktest

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// Fault is what a [Proxy] does to a script on its way.
type Fault int

// The faults of a network and of a server that hangs.
const (
	LateReply   Fault = iota + 1 // the reply is kept back until the proxy heals
	LostReply                    // the connection breaks in place of the reply
	LateRequest                  // the request is kept back until the proxy heals, also if its sender is gone
)

// Proxy stands between a client and a server, and strikes one script with a fault. What goes over other connections
// passes.
type Proxy struct {
	Addr string

	mu    sync.Mutex
	armed Fault         // guarded by mu; of the next script
	heal  chan struct{} // guarded by mu; closed by Heal
	done  chan struct{} // guarded by mu; closed when the server has answered the script
}

// NewProxy starts a proxy before the server at that address.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	p := &Proxy{Addr: l.Addr().String(), heal: make(chan struct{})}
	var conns sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); p.Heal(); conns.Wait() })
	conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			link := &link{proxy: p, client: client, server: server}
			conns.Go(link.requests)
			conns.Go(link.replies)
		}
	})
	return p
}

// Strike lets the next script meet a fault. The channel is closed when the server has carried it out.
func (p *Proxy) Strike(fault Fault) (done <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.heal, p.done = fault, make(chan struct{}), make(chan struct{})
	return p.done
}

// Heal lets go of what is kept back.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = 0
	select {
	case <-p.heal:
	default:
		close(p.heal)
	}
}

// link is a connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu    sync.Mutex
	fault Fault         // guarded by mu; of the script that is under way
	heal  chan struct{} // guarded by mu
	done  chan struct{} // guarded by mu
}

func (l *link) requests() {
	defer func() { _ = l.server.(*net.TCPConn).CloseWrite() }() // what was sent is carried out
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("\r\neval")) {
			l.meet()
		}
		if fault, heal, _ := l.under(); fault == LateRequest {
			<-heal
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// meet takes the fault that the proxy has for the next script.
func (l *link) meet() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault, l.heal, l.done, l.proxy.armed = l.proxy.armed, l.proxy.heal, l.proxy.done, 0
}

func (l *link) under() (Fault, chan struct{}, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault, l.heal, l.done
}

func (l *link) replies() {
	defer l.server.Close()
	defer l.client.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			return
		}
		fault, heal, done := l.under()
		if fault > 0 {
			close(done)
			l.mu.Lock()
			l.fault = 0
			l.mu.Unlock()
		}
		switch fault {
		case LateReply:
			<-heal
		case LostReply:
			_ = l.client.Close()
			return
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

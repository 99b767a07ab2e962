package httpserver

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// waitingMost is how many connections may be open that wait for their client: new ones, idle ones, and those whose
// request has yet to arrive. Each takes some memory, and up to [headerBytes] of a header more.
const waitingMost = 1000

// connections holds the number of those that wait. One more than there may be closes another: of the address that has
// most of them, the one that has waited longest. A client that opens thousands loses its own, and others get in.
type connections struct {
	most int

	mu      sync.Mutex
	waiting map[net.Conn]*list.Element
	from    map[string]*list.List // of the connections that wait, by address, the longest first
}

// wait is a connection that waits.
type wait struct {
	conn net.Conn
	from string
}

func newConnections(most int) *connections {
	return &connections{most: most, waiting: map[net.Conn]*list.Element{}, from: map[string]*list.List{}}
}

// watch has a server note its connections here.
func (c *connections) watch(server *http.Server) {
	server.ConnState = c.note
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connKey{}).(net.Conn)
		if r.ContentLength == 0 {
			c.serves(conn)
		} else {
			one := &arriving{ResponseWriter: w, body: r.Body, arrived: func() { c.serves(conn) }}
			r.Body, w = &arrivingBody{one}, one
		}
		next.ServeHTTP(w, r)
	})
}

type connKey struct{}

// arriving is a request whose body has yet to arrive: its connection waits until it has, or the answer begins.
type arriving struct {
	http.ResponseWriter
	body    io.ReadCloser
	arrived func()
}

// WriteHeader begins the answer.
func (a *arriving) WriteHeader(status int) {
	a.arrived()
	a.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where nothing has.
func (a *arriving) Write(data []byte) (int, error) {
	a.arrived()
	return a.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController find what the writer can do.
func (a *arriving) Unwrap() http.ResponseWriter { return a.ResponseWriter }

type arrivingBody struct{ of *arriving }

// Read reads the body, and notes its end.
func (b *arrivingBody) Read(data []byte) (int, error) {
	n, err := b.of.body.Read(data)
	if err != nil {
		b.of.arrived()
	}
	return n, err
}

// Close closes the body.
func (b *arrivingBody) Close() error { return b.of.body.Close() }

// note is called when the state of a connection changes.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if victim := c.noted(conn, networkOf(conn.RemoteAddr()), state); victim != nil {
		if secure, ok := victim.(interface{ NetConn() net.Conn }); ok {
			victim = secure.NetConn() // a farewell by TLS could wait for the client
		}
		_ = victim.Close()
	}
}

// noted returns the connection that is to be closed, or nil.
func (c *connections) noted(conn net.Conn, from string, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, waits := c.waiting[conn]
	switch {
	case state == http.StateActive: // the first byte of a request is there: it waits anew, until there is all of it
		if waits {
			c.from[from].MoveToBack(at)
		}
		return nil
	case waits:
		c.drop(conn)
	}
	if state != http.StateNew && state != http.StateIdle {
		return nil
	}
	if c.from[from] == nil {
		c.from[from] = list.New()
	}
	c.waiting[conn] = c.from[from].PushBack(wait{conn, from})
	if len(c.waiting) <= c.most {
		return nil
	}
	victim := c.longest()
	c.drop(victim)
	return victim
}

// serves notes that a request is under way, until the connection is idle or closed.
func (c *connections) serves(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(conn)
}

func (c *connections) drop(conn net.Conn) {
	at, ok := c.waiting[conn]
	if !ok {
		return
	}
	delete(c.waiting, conn)
	from := at.Value.(wait).from
	if c.from[from].Remove(at); c.from[from].Len() == 0 {
		delete(c.from, from)
	}
}

// longest is the connection that has waited longest of those from the address that has most.
func (c *connections) longest() net.Conn {
	var most *list.List
	for _, own := range c.from {
		if most == nil || own.Len() > most.Len() {
			most = own
		}
	}
	return most.Front().Value.(wait).conn
}

// networkOf is an address without its port; of IPv6 the first 64 bits, of which one customer has all the rest.
func networkOf(addr net.Addr) string {
	parsed, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String()
	}
	ip := parsed.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // cannot fail for IPv6
	return network.String()
}

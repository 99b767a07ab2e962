package main

import (
	"context"
	"errors"
	"net"
	"sync"
)

// network is what lies between the clients of the near side and the servers. It may be cut but for one server.
type network struct {
	mu    sync.Mutex
	only  string // the server that is still reached; "": all are
	conns map[*cable]string
}

var errCut = errors.New("the network is cut here")

// cable is a connection over the network.
type cable struct {
	net.Conn
	of *network
}

func (c *cable) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (n *network) reaches(addr string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.only == "" || n.only == addr
}

func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	if !n.reaches(addr) {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: errCut}
	}
	conn, err := new(net.Dialer).DialContext(ctx, kind, addr)
	if err != nil {
		return nil, err
	}
	c := &cable{Conn: conn, of: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns == nil {
		n.conns = map[*cable]string{}
	}
	n.conns[c] = addr
	return c, nil
}

// cut leaves one server within reach, and ends the connections to others.
func (n *network) cut(only string) {
	n.mu.Lock()
	n.only = only
	var gone []*cable
	for c, addr := range n.conns {
		if addr != only {
			gone = append(gone, c)
		}
	}
	n.mu.Unlock()
	for _, c := range gone {
		_ = c.Close()
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.only = ""
}

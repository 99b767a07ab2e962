package redisx

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// errDropped says that a connection was closed because it leads to a server that is no master any more.
var errDropped = errors.New("closed: its server is not the master any more")

// followedConn is a connection of a client that follows its masters.
type followedConn struct {
	net.Conn
	follower *Follower
	addr     string // as it was dialled
	opened   time.Time
	dropped  atomic.Bool
	partial  atomic.Bool  // something was sent that was not answered yet
	used     atomic.Int64 // when something was sent or received last, Unix ns
	packer   packer
}

// Close closes the connection.
func (c *followedConn) Close() error {
	c.follower.closed(c)
	return c.Conn.Close()
}

// Write sends.
func (c *followedConn) Write(b []byte) (int, error) {
	if err := c.unsent(); err != nil {
		return 0, err
	}
	c.partial.Store(true)
	c.used.Store(time.Now().UnixNano())
	return c.packer.write(c.Conn, b)
}

// SetWriteDeadline is what the client library begins a request with.
func (c *followedConn) SetWriteDeadline(t time.Time) error {
	if err := c.unsent(); err != nil {
		return err
	}
	c.packer.begin()
	return c.Conn.SetWriteDeadline(t)
}

// unsent fails a request of which nothing was sent before the connection was closed as one whose connection could not
// be opened: nothing has happened.
func (c *followedConn) unsent() error {
	switch {
	case c.dropped.Load() && !c.partial.Load():
		return &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: errDropped}
	case c.packer.fault != nil:
		return &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: c.packer.fault}
	}
	return nil
}

// Read receives.
func (c *followedConn) Read(b []byte) (int, error) {
	n, err := c.packer.read(c.Conn, b)
	if n > 0 {
		c.partial.Store(false)
		c.used.Store(time.Now().UnixNano())
	}
	if c.packer.fault != nil && err == nil {
		_ = c.Close() // so that the client library does not use it again
	}
	return n, err
}

// NetConn returns the connection below, where the client library looks for data that waits.
func (c *followedConn) NetConn() net.Conn { return c.Conn }

// asSyscallConn returns the connection so that the client library finds it closed before it uses it, if it can.
func (c *followedConn) asSyscallConn() net.Conn {
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return rawConn{followedConn: c, raw: raw}
	}
	return c
}

type rawConn struct {
	*followedConn
	raw syscall.Conn
}

// SyscallConn returns the socket.
func (c rawConn) SyscallConn() (syscall.RawConn, error) { return c.raw.SyscallConn() }

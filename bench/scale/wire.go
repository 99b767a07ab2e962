package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
)

// wire writes commands whose replies nobody reads: the way to fill Redis as fast as it can take it. What went wrong
// shows in the lengths afterwards.
type wire struct {
	conn net.Conn
	out  *bufio.Writer
}

func dialWire(ctx context.Context, address string) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("scale: fill: %w", err)
	}
	w := &wire{conn: conn, out: bufio.NewWriterSize(conn, 1<<20)}
	w.command("CLIENT", "REPLY", "OFF")
	return w, nil
}

// command sends a command. An error of the connection stays until close.
func (w *wire) command(args ...string) {
	var buffer [20]byte
	number := func(mark byte, n int) {
		_ = w.out.WriteByte(mark)
		_, _ = w.out.Write(strconv.AppendInt(buffer[:0], int64(n), 10))
		_, _ = w.out.WriteString("\r\n")
	}
	number('*', len(args))
	for _, arg := range args {
		number('$', len(arg))
		_, _ = w.out.WriteString(arg)
		_, _ = w.out.WriteString("\r\n")
	}
}

// close waits until Redis has run everything.
func (w *wire) close() error {
	defer w.conn.Close()
	w.command("CLIENT", "REPLY", "ON")
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("scale: fill: %w", err)
	}
	if line, err := bufio.NewReader(w.conn).ReadString('\n'); err != nil || line != "+OK\r\n" {
		return fmt.Errorf("scale: fill: reply %q: %w", line, err)
	}
	return nil
}

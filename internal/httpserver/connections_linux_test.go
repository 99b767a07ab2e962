package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/httpserver"
)

// Clients come from several addresses of the loopback here, which other systems do not have by themselves.

// serving serves a handler, as the programs do, until the test ends.
func serving(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	listener := listen(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- httpserver.Serve(ctx, listener, httpserver.Config{Handler: handler}) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// open opens a connection from an address of the loopback, and sends the beginning of a request.
func open(t *testing.T, from, to, begin string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp4", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, begin); err != nil && !isClosed(err) {
		t.Fatal(err)
	}
	return conn
}

// isClosed reports whether the other side has closed a connection.
func isClosed(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &network) && !network.Timeout()
}

// isOpen reports whether a connection is not closed yet, once what the server has answered is read.
func isOpen(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
	_, err := io.Copy(io.Discard, conn)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

// asks sends a request on a connection and reads the answer, of no body.
func asks(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d", response.StatusCode)
	}
}

// One client opens thousands of connections and sends nothing, or headers and bodies that do not end, or requests that
// leave them idle: it loses its own, while others keep theirs and open new ones.
func TestConnectionsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	const attackers, most = 3000, 1000
	address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	honest := open(t, "127.0.0.1", address, "")
	asks(t, honest) // and idles from then on
	head := strings.TrimSuffix(request, "\r\n")
	begins := []string{
		"", "G", head + "X-Long: " + strings.Repeat("x", 20_000), request, head + "Content-Length: 9\r\n\r\nbody",
	}
	conns := make([]net.Conn, attackers)
	for k := range conns {
		conns[k] = open(t, "127.0.0.2", address, begins[k%len(begins)])
		if k%500 == 0 {
			asks(t, open(t, "127.0.0.1", address, ""))
		}
	}
	asks(t, honest)
	asks(t, open(t, "127.0.0.2", address, ""))
	// The last are closed a moment later.
	for end := time.Now().Add(time.Minute); ; {
		conns = slices.DeleteFunc(conns, func(conn net.Conn) bool { return !isOpen(conn) })
		if len(conns) <= most {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d connections are open", len(conns), attackers)
		}
	}
}

// A request that is under way is not cut off, however many connections wait.
func TestRequestUnderWayOutlastsAFlood(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	var slow atomic.Bool
	address := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		if slow.CompareAndSwap(false, true) {
			close(begun)
			<-end
		}
		w.WriteHeader(http.StatusNoContent)
	})
	conn := open(t, "127.0.0.3", address, request)
	<-begun
	for range 1500 {
		open(t, "127.0.0.3", address, "")
	}
	close(end)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", response.StatusCode)
	}
}

// Headers are bounded, and must arrive soon.
func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	address := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for size, want := range map[int]int{8 << 10: http.StatusNoContent, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		conn := open(t, "127.0.0.1", address, strings.TrimSuffix(request, "\r\n")+"X-Long: "+strings.Repeat("x", size)+
			"\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d bytes: status %d, want %d", size, response.StatusCode, want)
		}
	}
	began := time.Now()
	conn := open(t, "127.0.0.1", address, "GET / HTTP/1.1\r\n")
	_ = conn.SetReadDeadline(began.Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, conn); err != nil || time.Since(began) > 15*time.Second {
		t.Errorf("a header that does not end: %v after %s", err, time.Since(began))
	}
}

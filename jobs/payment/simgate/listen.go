package simgate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/internal/httpserver"
)

// closeTimeout is how long calls under way may take when a listener closes.
const closeTimeout = 5 * time.Second

// Listener is a [Server] on a socket.
type Listener struct {
	URL string // where it is, e.g. http://127.0.0.1:9090

	http   *http.Server
	cancel context.CancelFunc // of the answers that are kept back
	ended  chan struct{}
	err    error // of serving, once ended is closed
}

// Listen serves at an address such as 127.0.0.1:9090, port 0 for a free one, until [Listener.Close].
func (s *Server) Listen(ctx context.Context, address string) (*Listener, error) {
	socket, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("simgate: %w", err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &Listener{URL: "http://" + socket.Addr().String(), cancel: cancel, ended: make(chan struct{})}
	l.http = &http.Server{
		Handler:           httpserver.Guard(false, httpserver.CheckHost(nil, http.NewCrossOriginProtection().Handler(s))),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	go func() {
		defer close(l.ended)
		if err := l.http.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			l.err = fmt.Errorf("simgate: %w", err)
		}
	}()
	return l, nil
}

// Ended is closed when the listener serves no more.
func (l *Listener) Ended() <-chan struct{} { return l.ended }

// Close lets the calls under way end, cuts those that are kept back, and returns what serving failed with.
func (l *Listener) Close() error {
	l.cancel()
	ctx, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	if l.http.Shutdown(ctx) != nil {
		_ = l.http.Close()
	}
	<-l.ended
	return l.err
}

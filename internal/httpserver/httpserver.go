// Package httpserver serves a handler until the program is stopped, with time-outs for clients that are slow and
// an end in good order.
package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Time-outs. A handler that streams sets its own deadlines, by http.ResponseController.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
	stopTimeout   = 10 * time.Second // for requests that are under way
	headerBytes   = 32 << 10
)

// Config says what is served. Cert and Key are the files of a TLS certificate; empty for plain HTTP.
type Config struct {
	Handler    http.Handler
	Hosts      []string // see [CheckHost]
	HTTPS      bool     // clients reach it by https, by itself or through a proxy
	Cert, Key  string
	EndStreams func() error // ends the streams of browsers, which a stop would wait for. Defaults to nothing
}

// Serve serves until ctx ends. Then it takes no more connections, ends streams, and gives other requests ten seconds.
func Serve(ctx context.Context, listener net.Listener, cfg Config) error {
	server := &http.Server{
		Handler:           Guard(cfg.HTTPS, CheckHost(cfg.Hosts, cfg.Handler)),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
	}
	newConnections(waitingMost).watch(server)
	if cfg.Cert != "" {
		var err error
		if server.TLSConfig, err = tlsConfig(cfg.Cert, cfg.Key); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	var stopped sync.WaitGroup
	serving, ended := context.WithCancel(ctx)
	stopped.Go(func() {
		<-serving.Done()
		if cfg.EndStreams != nil {
			_ = cfg.EndStreams()
		}
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if server.Shutdown(stopCtx) != nil {
			_ = server.Close()
		}
	})
	var err error
	if cfg.Cert != "" {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	ended()
	stopped.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Loopback reports whether an address to listen on, HOST:PORT, is reached from this machine alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

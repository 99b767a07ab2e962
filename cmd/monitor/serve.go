package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

const (
	healthTimeout = time.Second      // Redis must answer within
	pageTimeout   = 5 * time.Second  // to read what a page shows
	stopTimeout   = 10 * time.Second // for requests that are under way
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve a page for people, /metrics for Prometheus and /healthz",
		Description: `It shows and changes nothing, but it shows the jobs' errors to whoever reaches it: by default that is this machine
alone.

Examples:

   monitor serve
   monitor serve --addr :8090`,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "addr", Value: "127.0.0.1:8090", Usage: "listen on `HOST:PORT`"}},
		Action: serve,
	}
}

func serve(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	log, err := command.Logger(c)
	if err != nil {
		return err
	}
	inspector, rdb, err := command.Inspector(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	listener, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", c.String("addr"))
	if err != nil {
		return fmt.Errorf("%w; choose another address with --addr", err)
	}
	log.Info().Str("url", "http://"+listener.Addr().String()).Msg("monitor is listening")
	err = serveUntilDone(c.Context, listener, newHandler(inspector, rdb, log))
	if err == nil {
		log.Info().Msg("monitor stopped")
	}
	return err
}

// serveUntilDone serves until ctx ends, and then lets the requests under way finish.
func serveUntilDone(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	var stopped sync.WaitGroup
	serving, ended := context.WithCancel(ctx)
	stopped.Go(func() {
		<-serving.Done()
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if server.Shutdown(stopCtx) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	ended()
	stopped.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// newHandler routes what serve serves. Nothing of it changes anything.
func newHandler(inspector *queue.Inspector, rdb redis.UniversalClient, log zerolog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(inspector))
	pages := pages{inspector: inspector, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", pages.queues)
	mux.HandleFunc("GET /queue", pages.queue)
	mux.HandleFunc("GET /style.css", style)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", health(rdb))
	return guarded(mux)
}

// guarded forbids a browser everything that the pages do not need.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func health(rdb redis.UniversalClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		if err := rdb.Ping(ctx).Err(); err != nil {
			http.Error(w, "redis does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

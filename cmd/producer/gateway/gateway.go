// Package gateway is the producer's HTTP interface, for apps in any language: jobs are enqueued and looked up, and a
// small shop shows what the packages under jobs do together. Its OpenAPI 3.1 document is served at /openapi.json, and
// docs/gateway.md explains it.
//
// It is closed by default: a [Config] without Auth is refused. Every error is a problem document (RFC 9457), whatever
// part of the program it comes from.
package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/loginguard"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/jobs/ratelimit"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Defaults of a [Config].
const (
	DefaultMaxBody     = 1 << 20
	DefaultMaxInFlight = 256
)

// answerWithin is how long Redis and a handler may take for a request that is not a stream.
const answerWithin = 15 * time.Second

// Config says what a gateway offers, and to whom.
type Config struct {
	Redis     redis.UniversalClient // required
	Namespace string                // of the queues. Defaults to "navvy"
	Auth      Auth                  // required: [Open] lets everybody in. API keys in Redis count as well
	Users     Users                 // who may log in. Defaults to nobody
	// sign session cookies, see [session.Middleware]. Default to one that ends with the process
	Keys  [][]byte
	Kinds []string // that may be enqueued. Defaults to any
	Shop  bool     // serves the pages of the demonstration, too

	// StripeSecrets are those of a Stripe webhook endpoint, see [stripegate.WebhookConfig]. Defaults to no such endpoint
	StripeSecrets []string

	Retain      time.Duration    // how long the outcome of a job is kept that does not say. Defaults to not at all
	MaxBody     int64            // bytes of a body, or of a line of a stream. Defaults to 1 MiB
	MaxInFlight int              // requests at once, without notification streams. Defaults to 256
	Rate        int64            // requests, and jobs of them, in a second from one caller. Defaults to no limit
	Burst       int64            // of them at once. Defaults to Rate
	Logger      *slog.Logger     // defaults to none
	Now         func() time.Time // says which API keys have expired. Defaults to time.Now

	// ClientIP is the address of a request's client. Defaults to [ratelimit.ClientIP]; behind proxies see
	// [ratelimit.ClientIPBehind].
	ClientIP func(*http.Request) string
}

func (c Config) withDefaults() Config {
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, DefaultMaxInFlight)
	if c.Users == nil {
		c.Users = nobody{}
	}
	if c.ClientIP == nil {
		c.ClientIP = ratelimit.ClientIP
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Keys) == 0 {
		key := make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
		c.Keys = [][]byte{key}
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Redis == nil:
		return errors.New("Config.Redis is missing")
	case c.Auth == nil:
		return errors.New("Config.Auth is missing; gateway.Open lets everybody in")
	case c.MaxBody < 1, c.MaxInFlight < 1, c.Rate < 0, c.Burst < 0, c.Retain < 0:
		return errors.New("limits must not be negative")
	}
	return nil
}

// Gateway is an http.Handler. Close it when it is no longer served.
type Gateway struct {
	cfg       Config
	auth      Auth // with the API keys
	apiKeys   *apiKeys
	client    *queue.Client
	inspector *inspect.Inspector
	locks     *lockmgr.Manager
	sessions  *session.Store
	cache     *cache.Cache
	flags     *flags.Watcher
	boards    *leaderboard.Boards
	sender    *notify.Sender
	hub       *notify.Hub
	limit     *ratelimit.Limiter // nil for none
	logins    *loginguard.Guard
	begun     *ratelimit.Limiter // queues
	known     knownQueues

	requests, strangers, streams, bodies, lookups *shares
	debts                                         debts

	mux      *http.ServeMux
	handler  http.Handler
	inFlight chan struct{}
	stopping context.Context // ends when no stream may go on
	stop     context.CancelFunc
	watching sync.WaitGroup
}

// New returns a gateway. It connects in the background, and answers 503 while Redis is away.
func New(cfg Config) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g := &Gateway{
		cfg: cfg, boards: leaderboard.New(cfg.Redis, nil), sender: notify.New(cfg.Redis),
		inFlight: make(chan struct{}, cfg.MaxInFlight), logins: loginguard.New(nil),
	}
	g.apiKeys = newAPIKeys(apikey.New(cfg.Redis, cfg.Namespace), cfg)
	g.auth = AnyOf{cfg.Auth, g.apiKeys}
	g.makeShares()
	if err := g.makeLimits(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if err := g.connect(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.stopping, g.stop = context.WithCancel(context.Background())
	if err := g.route(); err != nil {
		return nil, fmt.Errorf("gateway: %w", errors.Join(err, g.Close()))
	}
	g.watching.Go(func() { g.apiKeys.noteUses(g.stopping) })
	if file, ok := g.cfg.Users.(*Credentials); ok {
		g.watching.Go(func() { file.Watch(g.stopping, g.cfg.Logger) })
	}
	return g, nil
}

// connect makes what the gateway works with. What must be closed comes last.
func (g *Gateway) connect() error {
	rdb, report := g.cfg.Redis, func(err error) { g.cfg.Logger.Warn("survived", "error", err) }
	var err error
	if g.inspector, err = inspect.New(rdb, inspect.Config{Namespace: g.cfg.Namespace}); err != nil {
		return err
	}
	if g.sessions, err = session.New(rdb, session.Config{Report: report}); err != nil {
		return err
	}
	if g.hub, err = notify.NewHub(rdb); err != nil {
		return err
	}
	if g.client, err = queue.NewClient(rdb, queue.ClientConfig{Namespace: g.cfg.Namespace}); err != nil {
		return err
	}
	g.locks = lockmgr.New(rdb)
	g.cache = cache.New(rdb, cache.Config{Report: report})
	g.flags = flags.Watch(rdb, flags.WatchConfig{})
	return nil
}

// StopStreams ends the notifications of all browsers, and the streams of jobs after the lines that were read. Call it
// before the server waits for its requests.
func (g *Gateway) StopStreams() error {
	g.stop()
	return g.hub.Close()
}

// Close closes what the gateway opened. Requests that are still under way fail.
func (g *Gateway) Close() error {
	err := g.StopStreams()
	g.watching.Wait()
	g.flags.Close()
	g.cache.Close()
	g.locks.Close()
	return errors.Join(err, g.client.Close())
}

// ServeHTTP serves the routes of the OpenAPI document.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

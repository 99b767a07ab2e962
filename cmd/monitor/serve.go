package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/analytics/analyticspage"
	"github.com/navvy-go/navvy/jobs/flags/flagspage"
	"github.com/navvy-go/navvy/jobs/leaderboard/leaderboardpage"
	"github.com/navvy-go/navvy/jobs/ratelimit"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	healthTimeout = time.Second     // Redis must answer within
	pageTimeout   = 5 * time.Second // to read what a scrape shows
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve the dashboard, its JSON API, /metrics for Prometheus, /healthz and /readyz",
		Description: `The dashboard is closed: without credentials nothing can be read or done. Passwords and tokens are in a
file that monitor password and monitor token write lines for; monitor totp writes those of second factors, which
--second-factor demands. --auth none lets everybody in who reaches this machine's loopback, and is refused on any other
address.

Examples:

   monitor serve --auth none
   monitor password alice --role operator >> credentials
   monitor serve --addr :8090 --host monitor.example.com --credentials credentials --tls-cert cert.pem --tls-key key.pem
   monitor serve --addr :8090 --host monitor.example.com --credentials credentials --behind-tls
   monitor totp alice >> credentials
   monitor serve --credentials credentials --second-factor operators
   monitor serve --auth oidc --oidc-issuer https://id.example.com --oidc-client navvy \
      --url https://monitor.example.com --operators @oncall --viewers '*' --behind-tls

With --tenant one monitor serves several namespaces, each with a dashboard and metrics of its own at /tenants/NAME, and
with people and programs of its own, who see nothing of the others:

   monitor serve --tenant acme=acme.credentials --tenant globex=globex.credentials

--credentials, or another way to get in, then is for --namespace at / and for what all share: Redis, locks and features.
Without it only the tenants are served.

Secrets come from the environment: NAVVY_OIDC_SECRET, and NAVVY_MONITOR_KEY (32 characters or more), which keeps people
logged in when the monitor restarts.`,
		Flags:  serveFlags(),
		Action: serve,
	}
}

func serveFlags() []cli.Flag {
	flags := append(command.ServerFlags("127.0.0.1:8090", "password", "oidc", "proxy", "none"),
		&cli.StringFlag{Name: "prefix", Usage: "serve the dashboard under `PATH`, such as /navvy"},
		&cli.BoolFlag{Name: "read-only", Usage: "nobody can act, whatever their role"},
		&cli.StringFlag{Name: "environment", Usage: "show `NAME` as a badge on each page, such as production",
			EnvVars: []string{"NAVVY_ENVIRONMENT"}},
		&cli.StringSliceFlag{Name: "mask",
			Usage: "hide the values of data fields named `PATTERN`, such as card* (may be repeated)",
			Value: cli.NewStringSlice(dashboard.DefaultMask...)},
		&cli.BoolFlag{Name: "open-metrics", Usage: "/metrics needs no credentials; those of tenants do"},
		tenantFlag(),
		command.ZoneFlag(),
	)
	return append(flags, authFlags()...)
}

func serve(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	log, err := command.Logger(c)
	if err != nil {
		return err
	}
	server, err := command.ReadServer(c, "proxy")
	if err != nil {
		return err
	}
	if address, err := url.Parse(c.String("url")); err == nil && address.Host != "" {
		server.Hosts = append(server.Hosts, address.Host)
	}
	zone, err := command.Zone(c)
	if err != nil {
		return err
	}
	proxies, err := trustedProxies(c)
	if err != nil {
		return err
	}
	who, err := readWho(c, server)
	if err != nil {
		return err
	}
	inspector, rdb, err := command.Inspector(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	events := command.Slog(log)
	defer who.watch(c.Context, events)()
	handler, closing, err := handlerFor(c, who, inspector, log, dashboard.Config{
		Redis: rdb, Namespace: c.String("namespace"), Auth: who.auth, ReadOnly: c.Bool("read-only"),
		Prefix: c.String("prefix"), Environment: c.String("environment"), Key: signingKey(), Secure: server.HTTPS,
		Mask: c.StringSlice("mask"), Logger: events,
		ClientIP: ratelimit.ClientIPBehind(proxies...), Pages: featurePages(rdb, zone),
	})
	if err != nil {
		return errors.Join(err, closing.close())
	}
	err = server.Serve(c, log, "monitor", c.String("prefix"), httpserver.Config{
		Handler: handler, EndStreams: closing.close,
	})
	if err == nil {
		log.Info().Msg("monitor stopped")
	}
	return err
}

// handlerFor opens the dashboards, and routes what serve serves.
func handlerFor(
	c *cli.Context, who who, inspector *inspect.Inspector, log zerolog.Logger, cfg dashboard.Config,
) (handler http.Handler, closing closers, err error) {
	mux := healthMux(cfg.Redis)
	if who.auth != nil {
		board, err := dashboard.New(cfg)
		if err != nil {
			return nil, closing, command.AsUsage(err)
		}
		closing = append(closing, board.Close)
		mux = newHandler(inspector, cfg.Redis, board, metricsAuth(c, who.auth), log, credentialsMetric(who.people))
	}
	for _, t := range who.tenants {
		if err := t.open(cfg); err != nil {
			return nil, closing, err
		}
		closing = append(closing, t.board.Close)
		if err := t.mount(mux, cfg.Redis, log); err != nil {
			return nil, closing, err
		}
	}
	return mux, closing, nil
}

// featurePages are the pages of the dashboard that features bring, in the order of the navigation.
func featurePages(rdb redis.UniversalClient, zone *time.Location) []dashboard.Page {
	return []dashboard.Page{
		flagspage.New(rdb), leaderboardpage.New(rdb), analyticspage.New(rdb, analytics.Config{Zone: zone}),
	}
}

// signingKey returns the key that signs sessions and forms, or nil for a random one.
func signingKey() []byte { return []byte(os.Getenv("NAVVY_MONITOR_KEY")) }

// metricsAuth returns what guards /metrics, or nil.
func metricsAuth(c *cli.Context, auth dashboard.Auth) dashboard.Auth {
	if c.Bool("open-metrics") {
		return nil
	}
	return auth
}

// newHandler routes what is served of one namespace. The state of health is open to everybody, metrics to those that
// auth lets in.
func newHandler(
	inspector *inspect.Inspector, rdb redis.UniversalClient, board http.Handler, auth dashboard.Auth, log zerolog.Logger,
	more ...prometheus.Collector,
) *http.ServeMux {
	registry := prometheus.NewRegistry()
	registry.MustRegister(more...)
	registry.MustRegister(newCollector(inspector))
	mux := healthMux(rdb)
	mux.Handle("/", board)
	mux.Handle("GET /metrics", restricted(auth, scraped(registry, log)))
	return mux
}

func healthMux(rdb redis.UniversalClient) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", ready(rdb))
	return mux
}

// scraped serves metrics.
func scraped(registry *prometheus.Registry, log zerolog.Logger) http.Handler {
	return paced(promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapesAtOnce, ErrorLog: &metricsLog{log},
	}))
}

type metricsLog struct{ log zerolog.Logger }

func (l *metricsLog) Println(v ...any) {
	l.log.Warn().Msg(strings.TrimSpace(fmt.Sprintln(v...)))
}

func restricted(auth dashboard.Auth, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth != nil {
			user, known := auth.Identify(r)
			if !known {
				auth.Challenge(w, r)
				return
			}
			r = withScraper(r, user.Name)
		}
		next.ServeHTTP(w, r)
	})
}

func ready(rdb redis.UniversalClient) http.HandlerFunc {
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

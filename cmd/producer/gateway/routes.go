package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
	"github.com/navvy-go/navvy/jobs/ratelimit"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/lockmgr/idemhttp"
)

// handler answers a request, or says why it cannot.
type handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP answers with a problem where the handler fails. What is wrong here, and not with the request, is logged.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	if err == nil {
		return
	}
	refusal := problemOf(err)
	if refusal.Status >= http.StatusInternalServerError {
		exchangeOf(r.Context()).err = err
	}
	refuse(w, r, refusal)
}

// wrapper is middleware.
type wrapper func(http.Handler) http.Handler

// through passes requests through wrappers, the first one first, to a handler.
func through(last http.Handler, wrappers ...wrapper) http.Handler {
	for i := len(wrappers) - 1; i >= 0; i-- {
		last = wrappers[i](last)
	}
	return last
}

// patterns lists the routes, each with its method.
func (g *Gateway) patterns(inSession wrapper) map[string]http.Handler {
	api := func(needed scope.Scope, h handler) http.Handler {
		return through(h, g.bounded, g.authorized(needed), g.shared, g.limited, within, g.once())
	}
	open := func(h handler) http.Handler { return through(h, g.bounded, g.shared, g.limited, within) }
	person := func(h handler) http.Handler { return through(h, g.bounded, g.shared, g.limited, within, inSession) }
	jobs := through(handler(g.enqueue), within, g.once())
	routes := map[string]http.Handler{
		"POST /v1/queues/{queue}/jobs": through(streamsTo(g.fewStreams(handler(g.enqueueLines)), jobs), g.bounded,
			g.authorized(scope.JobsWrite), g.shared, g.limited),
		"GET /v1/queues/{queue}/jobs/{id}": api(scope.JobsRead, g.job),

		"POST /v1/orders": api(scope.OrdersWrite, g.order),
		"POST /orders":    api(scope.OrdersWrite, g.order),
		"POST /v1/events": api(scope.EventsWrite, g.events),
		"POST /events":    api(scope.EventsWrite, g.events),

		"GET /v1/flags/{flag}":                         api(scope.FlagsRead, g.flag),
		"GET /v1/leaderboards/{board}":                 api(scope.BoardsRead, g.top),
		"GET /v1/leaderboards/{board}/around/{member}": api(scope.BoardsRead, g.around),
		"POST /v1/leaderboards/{board}/scores":         api(scope.BoardsWrite, g.scores),

		"POST /v1/notifications": api(scope.NotificationsWrite, g.notify),
		"GET /v1/notifications":  through(g.notifications(), g.limited, inSession),

		"POST /login":             person(g.login),
		"POST /logout":            person(g.logout),
		"POST /logout-everywhere": person(g.logoutEverywhere),
		"GET /session":            person(g.session),

		"GET /openapi.json": open(g.openapi),
		"GET /healthz":      handler(g.healthy),
		"GET /readyz":       handler(g.ready),
	}
	if g.cfg.Shop {
		page := cache.Pages(g.cache, cache.PageConfig{URL: func(r *http.Request) string { return r.URL.Path }})
		routes["GET /pages/{page}"] = through(handler(g.page), g.bounded, g.shared, g.limited, within, page)
		routes["GET /assets/{asset}"] = open(g.asset)
	}
	return routes
}

// route builds the handler of all routes.
func (g *Gateway) route() error {
	inSession, err := session.Middleware(g.sessions, g.cfg.Keys...)
	if err != nil {
		return err
	}
	g.mux = http.NewServeMux()
	for pattern, h := range g.patterns(inSession) {
		g.mux.Handle(pattern, h)
	}
	if len(g.cfg.StripeSecrets) > 0 {
		reports, err := stripegate.NewWebhook(g.client, stripegate.WebhookConfig{
			Secrets: g.cfg.StripeSecrets, Queue: jobs.Orders,
		})
		if err != nil {
			return err
		}
		// The signature is the credential.
		g.mux.Handle("POST /webhooks/stripe", through(reports, g.bounded, g.shared, within))
	}
	g.handler = through(g.mux, g.logged, problems, g.recovered, guarded, http.NewCrossOriginProtection().Handler)
	return nil
}

// within bounds the time a request may take.
func within(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// authorized lets in who has the scope.
func (g *Gateway) authorized(needed scope.Scope) wrapper {
	return func(next http.Handler) http.Handler {
		return handler(func(w http.ResponseWriter, r *http.Request) error {
			caller, err := g.auth.Identify(r)
			var unknown *problem.Document
			switch {
			case errors.As(err, &unknown):
				return err
			case errors.Is(err, errNone):
				w.Header().Set("WWW-Authenticate", `Bearer realm="navvy"`)
				return unauthorized.because("Send Authorization: Bearer, or X-API-Key.")
			case err != nil:
				g.cfg.Logger.Debug("credentials refused", "request_id", exchangeOf(r.Context()).id, "error", err)
				w.Header().Set("WWW-Authenticate", `Bearer realm="navvy", error="invalid_token"`)
				return unauthorized.because("The key or token is not known, or has ended.")
			}
			exchangeOf(r.Context()).caller = caller
			if !caller.may(needed, r.PathValue("queue")) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="navvy", error="insufficient_scope", scope="`+string(needed)+`"`)
				return forbidden.because("The scope %s is needed, for this queue where it is limited to some.", needed)
			}
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// once makes POST requests with an Idempotency-Key safe to repeat. Callers have their keys for themselves.
func (g *Gateway) once() wrapper {
	return idemhttp.Middleware(g.locks, idemhttp.Config{
		MaxBody: g.cfg.MaxBody, Tenant: func(r *http.Request) string { return g.owner(exchangeOf(r.Context()).caller.Name) },
	})
}

// Why: docs/decisions/gateway.md#the-gateways-rate-limit-fails-open
func (g *Gateway) makeLimits() (err error) {
	if g.cfg.Rate > 0 {
		limit := ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: g.cfg.Rate, Burst: g.cfg.Burst, Window: time.Second}
		// Without Redis there is hardly anything to protect; what does not need it goes on.
		if g.limit, err = ratelimit.New(g.cfg.Redis, limit, ratelimit.Options{FailOpen: true}); err != nil {
			return err
		}
	}
	g.begun, err = ratelimit.New(g.cfg.Redis, ratelimit.Limit{
		Algorithm: ratelimit.GCRA, Rate: newQueues, Burst: newQueues, Window: newQueuesWindow,
	}, ratelimit.Options{})
	return err
}

// limited holds each caller, or the address of one that is not known, to the rate.
func (g *Gateway) limited(next http.Handler) http.Handler {
	if g.limit == nil {
		return next
	}
	return ratelimit.Middleware(g.limit,
		ratelimit.HTTP{Policy: "requests", Refuse: refuseLimited, Key: g.limitKey})(next)
}

func refuseLimited(w http.ResponseWriter, r *http.Request, status int) {
	refuse(w, r, causes[status].because("%s", details[status]))
}

// Package dashboard is the monitor's web interface: an http.Handler that shows what is in the queues and lets a person
// act on it. It works without JavaScript; with it, what is shown stays current by itself.
//
// It is closed by default: a [Config] without Auth is refused. Everything it reads is bounded, and read once a second
// at the most, however many browsers ask for it. It shows queues, workers, Redis and locks; [Config.Pages] adds the
// pages of features.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/pace"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Config says what a dashboard shows, and which users it lets in.
type Config struct {
	Redis       redis.UniversalClient // required
	Namespace   string                // of the queues; defaults to "navvy"
	Auth        Auth                  // required: [Open] lets everybody in
	ReadOnly    bool                  // nobody can act, whatever their role
	Prefix      string                // where it is mounted, such as "/navvy"; defaults to the root
	Environment string                // a badge on each page, such as "production"; none by default
	Secure      bool                  // browsers reach it by https: its cookies are for that alone
	Key         []byte                // signs what pages send back; random by default, so that a restart ends old pages
	Mask        []string              // names of data fields whose values are hidden, * for any characters
	Pages       []Page                // of features, in the order of the navigation
	// Tenant is for a namespace, see [CheckTenant], whose people must see nothing of the others in the same Redis: the
	// pages of Redis and of locks are left out, and queues bound to streams outside of the namespace do not exist.
	Tenant bool
	// ClientIP is the address of a request's client. Defaults to that of the connection; behind proxies, it must take
	// X-Forwarded-For from them alone.
	ClientIP func(*http.Request) string
	Logger   *slog.Logger     // of failures and of what people do; defaults to none
	Now      func() time.Time // defaults to time.Now
}

// Dashboard is an http.Handler. Close it when it is no longer served.
type Dashboard struct {
	cfg        Config
	inspector  *inspect.Inspector
	trail      *audit.Trail
	refusals   *audit.Trail
	keys       *apikey.Store
	throttle   audit.Throttle
	exports    chan struct{} // one for each export of the trail under way
	mask       mask
	templates  templates
	sections   []section
	handler    http.Handler
	cache      cache
	readings   *turns
	requests   *turns
	pace       *pace.Pace // of each user's requests
	locks      *lockmgr.Manager
	live       *live
	operations operations
	notices    Sessions // keep what an action has to say for the next page
	sessionKey []byte   // of the forms of a person's own sessions
	csrfKey    []byte

	stop    context.CancelFunc
	running sync.WaitGroup
}

var prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// New returns a dashboard. It fails where the configuration lacks Redis or Auth, or a name in it is malformed.
func New(cfg Config) (*Dashboard, error) {
	cfg.Prefix = strings.TrimSuffix(cfg.Prefix, "/")
	switch {
	case cfg.Redis == nil:
		return nil, errors.New("dashboard: Config.Redis is missing")
	case cfg.Auth == nil:
		return nil, errors.New("dashboard: Config.Auth is missing; dashboard.Open lets everybody in")
	case cfg.Tenant && CheckTenant(cfg.Namespace) != nil:
		return nil, fmt.Errorf("dashboard: %w", CheckTenant(cfg.Namespace))
	case !prefixForm.MatchString(cfg.Prefix):
		return nil, fmt.Errorf("dashboard: prefix %q is not a path such as /navvy", cfg.Prefix)
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = remote
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	inspector, err := inspect.New(cfg.Redis, inspect.Config{Namespace: cfg.Namespace, Confined: cfg.Tenant, Now: cfg.Now})
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	masked, err := newMask(cfg.Mask)
	if err != nil {
		return nil, err
	}
	sections, err := navigation(cfg)
	if err != nil {
		return nil, err
	}
	parsed, err := parseTemplates(cfg)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d := &Dashboard{
		cfg: cfg, inspector: inspector, mask: masked, templates: parsed, sections: sections,
		trail: audit.New(cfg.Redis, cfg.Namespace), locks: lockmgr.New(cfg.Redis),
		keys: apikey.New(cfg.Redis, cfg.Namespace),
	}
	d.readings, d.requests = newTurns(readsAtOnce, readsOfOne), newTurns(requestsAtOnce, requestsOfOne)
	d.pace = &pace.Pace{Every: requestsEvery, Ahead: requestsAhead, Most: readsWait}
	if cfg.Tenant {
		d.cache.most = cacheTenant
	}
	d.refusals, d.exports = d.trail.Refused(), make(chan struct{}, exportsAtOnce)
	if err := d.makeKeys(); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d.live = newLive(d)
	d.handler = http.StripPrefix(cfg.Prefix, d.sameOrigin(d.routes()))
	ctx, stop := context.WithCancel(context.Background())
	d.stop, d.operations.ctx = stop, ctx
	d.running.Go(func() { d.live.run(ctx) })
	return d, nil
}

// makeKeys derives a key for each purpose, and binds the logins.
func (d *Dashboard) makeKeys() error {
	master := orRandom(d.cfg.Key)
	noticeKey, err := keyFor("notices", master)
	if err != nil {
		return err
	}
	d.notices = d.named(Sessions{Key: noticeKey, Secure: d.cfg.Secure})
	if d.csrfKey, err = keyFor("forms", master); err != nil {
		return err
	}
	if d.sessionKey, err = keyFor("forms of sessions", master); err != nil {
		return err
	}
	return bind(d.cfg.Auth, d)
}

// Close ends the live updates of all browsers, and the actions on many jobs that are under way, and waits for both.
func (d *Dashboard) Close() error {
	d.stop()
	d.running.Wait()
	d.cache.close()
	d.operations.close()
	d.locks.Close()
	return nil
}

// ServeHTTP serves what is under the prefix.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	r = r.WithContext(context.WithValue(r.Context(), prefixKey{}, d.cfg.Prefix))
	d.handler.ServeHTTP(w, r)
}

// prefixKey finds, in a request's context, where the dashboard is mounted.
type prefixKey struct{}

// routes lists every address of the dashboard.
func (d *Dashboard) routes() *http.ServeMux {
	mux := http.NewServeMux()
	assets, _ := fs.Sub(web, "web/assets")
	mux.Handle("GET /assets/", http.StripPrefix("/assets", cacheable(files(assets))))
	d.cfg.Auth.Routes(mux, d.cfg.Prefix)
	mux.Handle("GET /live", d.identified(d.live.serve))
	d.sessionRoutes(mux)
	d.keyRoutes(mux)
	mux.Handle("GET /audit/export", d.viewer(d.exportTrail))
	mux.Handle("GET "+apiPath+"/audit/export", d.viewer(d.exportTrail))

	d.page(mux, "/{$}", overviewPage)
	d.page(mux, "/queues", queuesPage)
	d.page(mux, "/pending", pendingPage)
	d.page(mux, "/waiting", waitingPage)
	d.page(mux, "/delayed", delayedPage)
	d.page(mux, "/dead", deadPage)
	d.page(mux, "/cancelled", cancelledPage)
	d.page(mux, "/expired", expiredPage)
	d.page(mux, "/queues/{queue}/jobs/{id}", jobPage)
	d.page(mux, "/workers", workersPage)
	d.page(mux, "/audit", auditTrailPage)
	d.page(mux, "/operations/{id}", operationPage)

	d.action(mux, "/queues/pause", d.pauseQueue)
	d.action(mux, "/queues/resume", d.resumeQueue)
	d.action(mux, "/queues/forget", d.forgetQueue)
	d.action(mux, "/jobs/act", d.actOnJobs)
	d.action(mux, "/jobs/requeue-with", d.requeueWith)
	d.action(mux, "/jobs/reschedule", d.reschedule)
	d.action(mux, "/jobs/edit", d.editData)
	d.action(mux, "/workers/command", d.commandWorker)
	if !d.cfg.Tenant {
		d.page(mux, "/redis", redisPage)
		d.page(mux, "/locks", locksPage)
		d.action(mux, "/locks/evict", d.evict)
	}
	for _, p := range d.cfg.Pages {
		d.plug(mux, p)
	}
	return mux
}

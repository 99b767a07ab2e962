// Package jobs is the catalogue of what this house's workers run. Each feature is a folder of that name beside this
// file: a small library, and the handlers that run it.
package jobs

import (
	"cmp"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/debug"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/queue"
)

// The queues that the jobs of the catalogue are enqueued on, unless their producer chooses another.
const (
	Orders = "orders"
	Events = "events"
)

// Job is one line of the catalogue.
type Job struct {
	Kind  string `json:"kind"`
	Queue string `json:"queue"` // where its producers put it
	Does  string `json:"does"`
}

// Catalogue lists every kind that [Register] gives to a worker.
func Catalogue() []Job {
	return []Job{
		{payment.Charge{}.Kind(), Orders, "charges an order, once"},
		{payment.Capture{}.Kind(), Orders, "takes the money that an order's charge holds, once"},
		{payment.Cancel{}.Kind(), Orders, "ends an order that is not paid, and lets go of the money held"},
		{payment.Refund{}.Kind(), Orders, "gives a paid order's money back, or a part of it, once"},
		{payment.Reconcile{}.Kind(), Orders, "settles orders that were left in processing"},
		{payment.Webhook{}.Kind(), Orders, "brings what the gateway reports into an order's record"},
		{analytics.Track{}.Kind(), Events, "counts an event and its user on its day, a thousand at a time"},
		{analytics.Tracked{}.Kind(), Events, "notes the user of an event that its producer has counted"},
		{analytics.Rollup{}.Kind(), Events, "brings the days of a month into its totals"},
		{analytics.Expire{}.Kind(), Events, "lets the counts of old days go"},
		{
			cache.Warm{}.Kind(), queue.DefaultQueue,
			"loads keys by a registered loader, or pages of configured hosts, into the cache",
		},
		{cache.Refresh{}.Kind(), queue.DefaultQueue, "loads a cached key anew by a registered loader"},
		{cache.Invalidate{}.Kind(), queue.DefaultQueue, "removes cached entries by key, tag and prefix"},
		{session.Sweep{}.Kind(), Events, "takes ended sessions from the indexes of their users"},
		{session.Revoke{}.Kind(), queue.DefaultQueue, "signs a user out everywhere, or ends one session"},
		{flags.Apply{}.Kind(), queue.DefaultQueue, "changes feature flags, each change once"},
		{leaderboard.Apply{}.Kind(), Events, "changes scores on a board, once"},
		{leaderboard.Reset{}.Kind(), queue.DefaultQueue, "ends a season of a board and archives it"},
		{notify.Send{}.Kind(), queue.DefaultQueue, "notifies a user, once"},
	}
}

// DebugCatalogue lists every kind that [RegisterDebug] gives to a worker.
func DebugCatalogue() []Job {
	return []Job{
		{"debug.sleep", queue.DefaultQueue, `sleeps: {"ms": 500}`},
		{"debug.fail", queue.DefaultQueue, `fails, then succeeds: {"times": 2}`},
		{"debug.panic", queue.DefaultQueue, "panics"},
		{"debug.exit", queue.DefaultQueue, "ends its worker at once, as a crash would"},
		{"debug.echo", queue.DefaultQueue, "records its data as its result"},
	}
}

// Deps is what the jobs work with. Where only the kinds matter and nothing runs, all may be nil.
type Deps struct {
	Redis    redis.UniversalClient         // where orders, locks and counters are
	Gateway  payment.Gateway               // charges orders
	Orders   payment.Store                 // where orders are instead, or nil for Redis
	Cache    *cache.Cache                  // of the cache jobs, or nil for one in Redis that lives as long as the process
	Sessions *session.Store                // or nil for one in Redis with its defaults
	Warming  cache.JobsConfig              // the loaders and hosts that cache jobs may name
	Boards   map[string]leaderboard.Config // how boards work that are more than plain

	Analytics analytics.Config // how events are counted
}

// Register gives the mux the handler of each kind in [Catalogue].
func Register(mux *queue.Mux, deps Deps) {
	payment.New(deps.Redis, deps.Orders, deps.Gateway).Register(mux)
	analytics.New(deps.Redis, deps.Analytics).Register(mux)
	cache.NewJobs(cmp.Or(deps.Cache, cache.New(deps.Redis, cache.Config{})), deps.Warming).Register(mux)
	sessionsOf(deps).Register(mux)
	flags.New(deps.Redis).Register(mux)
	leaderboard.New(deps.Redis, deps.Boards).Register(mux)
	notify.New(deps.Redis).Register(mux)
}

func sessionsOf(deps Deps) *session.Store {
	defaults, _ := session.New(deps.Redis, session.Config{}) // fails for odd settings only
	return cmp.Or(deps.Sessions, defaults)
}

// RegisterDebug gives the mux the handler of each kind in [DebugCatalogue].
func RegisterDebug(mux *queue.Mux) { debug.Register(mux) }

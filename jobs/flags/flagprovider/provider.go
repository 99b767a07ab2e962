// Package flagprovider is the OpenFeature provider of the flags in jobs/flags. It answers from a [flags.Watcher]'s copy,
// notifies the SDK of changes, and goes on with the last known values while Redis is away.
//
// A flag is asked for the user in the evaluation context's targeting key. As a boolean it is on or off, with the variant
// "on" or "off", unless the user's variant has a boolean value. As a string, number or object it is the value of the
// user's variant; where the flag is off, it is the caller's default.
//
// Reasons are those of the OpenFeature specification:
//
//	STATIC           on for everyone, and the same for all
//	TARGETING_MATCH  on or off for this user by name
//	SPLIT            on or off by the user's place among the percentage, or one of several variants
//	DISABLED         off, with nothing that turns it on
//	STALE            Redis is away: the last known answer. The flag's metadata has the reason it was given for
//
// Errors are FLAG_NOT_FOUND, TYPE_MISMATCH, TARGETING_KEY_MISSING, PARSE_ERROR (the rules, or a variant's value),
// PROVIDER_NOT_READY and GENERAL; the value is then the caller's default.
package flagprovider

import (
	"context"
	"sync"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/flags"
)

// Stale is the specification's reason for values that may be out of date.
const Stale of.Reason = "STALE"

// Provider answers evaluations. The SDK starts and ends it.
type Provider struct {
	rdb    redis.UniversalClient
	cfg    flags.WatchConfig
	events chan of.Event
	closed chan struct{} // closed when the provider has ended: nobody may read events any more

	mu      sync.RWMutex
	watcher *flags.Watcher
	ended   sync.Once

	stale bool // the SDK was notified so; the watcher's goroutine alone looks at it
}

var (
	_ of.FeatureProvider          = (*Provider)(nil)
	_ of.ContextAwareStateHandler = (*Provider)(nil)
	_ of.EventHandler             = (*Provider)(nil)
)

// New returns a provider of the flags in rdb, a *redis.Client or a *redis.ClusterClient, which stays the caller's. The
// functions in cfg are called as well.
func New(rdb redis.UniversalClient, cfg flags.WatchConfig) *Provider {
	return &Provider{rdb: rdb, cfg: cfg, events: make(chan of.Event, 64), closed: make(chan struct{})}
}

// Metadata names the provider: navvy.
func (p *Provider) Metadata() of.Metadata { return of.Metadata{Name: "navvy"} }

// Hooks has none.
func (p *Provider) Hooks() []of.Hook { return nil }

// EventChannel is where the SDK receives changes and staleness.
func (p *Provider) EventChannel() <-chan of.Event { return p.events }

// Init is [Provider.InitWithContext] without a bound on how long it waits.
func (p *Provider) Init(evaluation of.EvaluationContext) error {
	return p.InitWithContext(context.Background(), evaluation)
}

// InitWithContext reads all flags. If it returns an error because ctx ended, the provider goes on trying.
func (p *Provider) InitWithContext(ctx context.Context, _ of.EvaluationContext) error {
	p.mu.Lock()
	if p.watcher == nil {
		cfg := p.cfg
		cfg.OnChange, cfg.OnStatus = p.changed, p.status
		p.watcher = flags.Watch(p.rdb, cfg)
	}
	watcher := p.watcher
	p.mu.Unlock()
	return watcher.Ready(ctx)
}

// Shutdown ends the provider and waits for it.
func (p *Provider) Shutdown() {
	p.ended.Do(func() { close(p.closed) })
	p.mu.RLock()
	watcher := p.watcher
	p.mu.RUnlock()
	if watcher != nil {
		watcher.Close()
	}
}

// ShutdownWithContext is [Provider.Shutdown], which takes no longer than a round trip.
func (p *Provider) ShutdownWithContext(context.Context) error {
	p.Shutdown()
	return nil
}

func (p *Provider) changed(names []string) {
	if p.cfg.OnChange != nil {
		p.cfg.OnChange(names)
	}
	p.send(of.ProviderConfigChange, of.ProviderEventDetails{Message: "flags changed", FlagChanges: names})
}

func (p *Provider) status(status flags.Status) {
	if p.cfg.OnStatus != nil {
		p.cfg.OnStatus(status)
	}
	switch {
	case status.Stale && status.Ready:
		p.stale = true
		details := of.ProviderEventDetails{Message: "Redis is away, the last known values hold"}
		if status.Err != nil {
			details.Message += ": " + status.Err.Error()
		}
		p.send(of.ProviderStale, details)
	case !status.Stale && p.stale: // the SDK itself says so after the first time
		p.stale = false
		p.send(of.ProviderReady, of.ProviderEventDetails{Message: "all flags are read"})
	}
}

// send waits until the SDK takes the event or the provider ends: an event that is left out would leave the SDK in the
// wrong state.
func (p *Provider) send(event of.EventType, details of.ProviderEventDetails) {
	select {
	case p.events <- of.Event{ProviderName: p.Metadata().Name, EventType: event, ProviderEventDetails: details}:
	case <-p.closed:
	}
}

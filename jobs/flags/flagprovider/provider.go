// Package flagprovider is the OpenFeature provider of the flags in jobs/flags. It answers from a [flags.Watcher]'s
// copy, notifies the SDK of changes, and goes on with the last known values while Redis is away.
//
// A flag is asked for the user in the evaluation context's targeting key. As a boolean it is on or off, with the
// variant "on" or "off", unless the user's variant has a boolean value. As a string, number or object it is the value
// of the user's variant; where the flag is off, it is the caller's default.
//
// Reasons are those of the OpenFeature specification:
//
//	STATIC           on for everyone, and the same for all
//	TARGETING_MATCH  on or off for this user by name, or by a target that the context's attributes meet
//	SPLIT            on or off by the user's place among the percentage, or one of several variants
//	DEFAULT          the flag has targets, and none is met
//	DISABLED         off, with nothing that turns it on, without a flag that it requires, or disabled
//	STALE            Redis is away: the last known answer. The flag's metadata has the reason it was given for
//
// Errors are FLAG_NOT_FOUND, TYPE_MISMATCH, TARGETING_KEY_MISSING, PARSE_ERROR (the rules, or a variant's value),
// PROVIDER_NOT_READY, PROVIDER_FATAL and GENERAL; the value is then the caller's default.
package flagprovider

import (
	"context"
	"sync"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/flags"
)

const name = "navvy"

// Stale is the specification's reason for values that may be out of date.
const Stale of.Reason = "STALE"

// Provider answers evaluations. The SDK starts and ends it; one that was ended can be started again.
type Provider struct {
	rdb    redis.UniversalClient
	cfg    flags.WatchConfig
	events chan of.Event

	mu      sync.RWMutex
	watcher *flags.Watcher // nil unless it is started
	outbox  *outbox        // of the watcher
}

var (
	_ of.FeatureProvider          = (*Provider)(nil)
	_ of.ContextAwareStateHandler = (*Provider)(nil)
	_ of.EventHandler             = (*Provider)(nil)
)

// New returns a provider of the flags in rdb, a *redis.Client or a *redis.ClusterClient, which stays the caller's;
// without one the provider is in the state FATAL once it is set. The functions in cfg are called as well.
func New(rdb redis.UniversalClient, cfg flags.WatchConfig) *Provider {
	return &Provider{rdb: rdb, cfg: cfg, events: make(chan of.Event)}
}

// Metadata names the provider: navvy.
func (p *Provider) Metadata() of.Metadata { return of.Metadata{Name: name} }

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
	if p.rdb == nil {
		return &of.ProviderInitError{ErrorCode: of.ProviderFatalCode, Message: "no client of Redis given"}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	if p.watcher == nil {
		box, cfg := newOutbox(p.events), p.cfg
		cfg.OnChange = func(names []string) { p.changed(box, names) }
		cfg.OnStatus = func(status flags.Status) { p.status(box, status) }
		p.watcher, p.outbox = flags.Watch(p.rdb, cfg), box
	}
	watcher := p.watcher
	p.mu.Unlock()
	return watcher.Ready(ctx)
}

// Shutdown ends the provider and waits for it. It is then as before it was started.
func (p *Provider) Shutdown() {
	p.mu.Lock()
	watcher, box := p.watcher, p.outbox
	p.watcher, p.outbox = nil, nil
	p.mu.Unlock()
	if watcher != nil {
		watcher.Close()
		box.close()
	}
}

// ShutdownWithContext is [Provider.Shutdown], which takes no longer than a round trip.
func (p *Provider) ShutdownWithContext(context.Context) error {
	p.Shutdown()
	return nil
}

func (p *Provider) changed(box *outbox, names []string) {
	if p.cfg.OnChange != nil {
		p.cfg.OnChange(names)
	}
	box.flagsChanged(names)
}

func (p *Provider) status(box *outbox, status flags.Status) {
	if p.cfg.OnStatus != nil {
		p.cfg.OnStatus(status)
	}
	box.statusChanged(status)
}

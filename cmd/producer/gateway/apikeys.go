package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/apikey"
)

const (
	keyRemembered  = 2 * time.Second // a key that was found counts so long without Redis, also if it is revoked meanwhile
	keyLookup      = 2 * time.Second // that Redis may take
	keyUseEvery    = time.Minute     // at the most, a key's use is noted
	keyUsesWaiting = 256             // to be noted; more are not
	keyUseTime     = time.Second     // that Redis may take for one

	strangeAtOnce = 8           // lookups of strange keys: those that have not been right here before
	strangeMost   = 100         // wrong keys from one address; then no strange one from there is looked up for a while
	strangeWhile  = time.Minute // from the first one

	rightMost, wrongMost, addressesMost = 2 * apikey.Most, 1000, 10_000
)

// apiKeys lets in programs whose API keys are in Redis, where operators make and end them, see [apikey]. What it holds
// is bounded, and so is what wrong keys have Redis do; those that do not have the form of a key are not looked up.
// While Redis does not answer, no key counts but those that were found within two seconds.
type apiKeys struct {
	store   *apikey.Store
	address func(*http.Request) string
	now     func() time.Time
	log     *slog.Logger
	strange chan struct{}
	uses    chan keyUse

	mu    sync.Mutex
	right map[apikey.ID]*rightKey
	wrong map[apikey.ID]time.Time // when they were looked up
	from  map[string]*strangers
}

// rightKey is a key as it was found last.
type rightKey struct {
	apikey.Key
	at    time.Time // before it was looked up
	noted time.Time // its last use
}

// strangers are the wrong keys that came from one address.
type strangers struct {
	count int
	until time.Time
}

type keyUse struct {
	id apikey.ID
	at time.Time
}

func newAPIKeys(store *apikey.Store, cfg Config) *apiKeys {
	return &apiKeys{
		store: store, address: cfg.ClientIP, now: cfg.Now, log: cfg.Logger,
		strange: make(chan struct{}, strangeAtOnce), uses: make(chan keyUse, keyUsesWaiting),
		right: map[apikey.ID]*rightKey{}, wrong: map[apikey.ID]time.Time{}, from: map[string]*strangers{},
	}
}

// Identify looks for an API key, in X-API-Key or as a bearer token.
func (a *apiKeys) Identify(r *http.Request) (Caller, error) {
	secret := secretOf(r)
	id, ok := apikey.IDOf(secret)
	switch {
	case secret == "", strings.Count(secret, ".") == 2: // a token
		return Caller{}, errNone
	case !ok:
		return Caller{}, errBad
	}
	key, err := a.find(r, id)
	if err != nil {
		return Caller{}, err
	}
	if now := a.now(); key.Expired(now) {
		return Caller{}, fmt.Errorf("%w: API key %s has expired", errBad, key.Name)
	}
	a.note(id)
	return Caller{Name: "apikey:" + key.Name, Scopes: key.Scopes}, nil
}

// find returns a key as it was within the last two seconds.
func (a *apiKeys) find(r *http.Request, id apikey.ID) (apikey.Key, error) {
	now, address := a.now(), a.address(r)
	known, strange, err := a.remembered(id, address, now)
	switch {
	case err != nil:
		return apikey.Key{}, err
	case known != nil:
		return known.Key, nil
	case strange:
		select {
		case a.strange <- struct{}{}:
			defer func() { <-a.strange }()
		default:
			return apikey.Key{}, overloaded.because("Many keys are looked up just now.")
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), keyLookup)
	defer cancel()
	found, ok, err := a.store.Find(ctx, id)
	if err != nil {
		return apikey.Key{}, fmt.Errorf("%w (%w)", unavailable.because("The key cannot be looked up now."), err)
	}
	if !ok {
		a.keepWrong(id, address, now)
		return apikey.Key{}, errBad
	}
	a.keepRight(id, found, now)
	return found, nil
}

// remembered returns what is known of a key without Redis; nil if it must be looked up. A strange one has not been
// right here before.
func (a *apiKeys) remembered(id apikey.ID, address string, now time.Time) (key *rightKey, strange bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.right[id]; ok {
		if now.Sub(known.at) < keyRemembered {
			return known, false, nil
		}
		return nil, false, nil
	}
	if at, ok := a.wrong[id]; ok && now.Sub(at) < keyRemembered {
		return nil, true, errBad
	}
	if s, ok := a.from[address]; ok && s.count >= strangeMost && now.Before(s.until) {
		refusal := rateLimited.because("%d wrong keys came from this address: wait.", s.count)
		refusal.RetryAfter = wholeSeconds(s.until.Sub(now))
		return nil, true, refusal
	}
	return nil, true, nil
}

func (a *apiKeys) keepRight(id apikey.ID, key apikey.Key, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := &rightKey{Key: key, at: at}
	if before, ok := a.right[id]; ok {
		kept.noted = before.noted
	}
	if len(a.right) >= rightMost {
		clear(a.right) // of keys that were revoked since, the most part
	}
	a.right[id] = kept
	delete(a.wrong, id)
}

func (a *apiKeys) keepWrong(id apikey.ID, address string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.right, id)
	if len(a.wrong) >= wrongMost {
		clear(a.wrong)
	}
	a.wrong[id] = at
	s := a.from[address]
	if s == nil || !at.Before(s.until) {
		if len(a.from) >= addressesMost {
			clear(a.from)
		}
		s = &strangers{until: at.Add(strangeWhile)}
		a.from[address] = s
	}
	s.count++
}

// note has the use of a key noted, once a minute at the most. It does not wait.
func (a *apiKeys) note(id apikey.ID) {
	now := a.now()
	a.mu.Lock()
	known, ok := a.right[id]
	due := ok && now.Sub(known.noted) >= keyUseEvery
	if due {
		known.noted = now
	}
	a.mu.Unlock()
	if !due {
		return
	}
	select {
	case a.uses <- keyUse{id, now}:
	default:
	}
}

// noteUses writes to Redis which keys were used, until ctx ends.
func (a *apiKeys) noteUses(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case use := <-a.uses:
			within, cancel := context.WithTimeout(ctx, keyUseTime)
			if err := a.store.Used(within, use.id, use.at); err != nil {
				a.log.Debug("a key's use is not noted", "error", err)
			}
			cancel()
		}
	}
}

// Package loginguard bounds what guessing passwords costs and can find. An attempt is reserved before its password is
// compared, so that many at once are not all compared; comparisons wait in a bounded queue.
//
// Attempts are limited for an account at an address, for the account from everywhere, and for the address. Each limit
// has some attempts that are free, and then a wait that doubles. The last two do not hold for an address from which the
// account has logged in before: a stranger cannot keep its owner out.
package loginguard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// limit is how many attempts are free, and how long the next one waits after that.
type limit struct {
	free        int
	first, most time.Duration
	forgotten   time.Duration // after the last attempt
}

var (
	pairLimit    = limit{free: 10, first: time.Minute, most: 15 * time.Minute, forgotten: time.Hour}
	accountLimit = limit{free: 100, first: time.Second, most: time.Minute, forgotten: time.Hour}
	addressLimit = limit{free: 100, first: time.Second, most: time.Minute, forgotten: 5 * time.Minute}
)

const (
	comparedAtOnce = 2  // hashing takes a quarter of a second of a processor
	waitingMost    = 32 // attempts
	waitingOfOne   = 16 // attempts from one address
	countersMost   = 20_000
	knownMost      = 10_000
	knownFor       = 30 * 24 * time.Hour
)

// Refused is the error of an attempt that was not compared.
type Refused struct {
	After time.Duration // when to try again
	Busy  bool          // too many others are being compared; else there were too many attempts
}

// Error says why.
func (r *Refused) Error() string {
	if r.Busy {
		return "loginguard: too many passwords are being compared"
	}
	return fmt.Sprintf("loginguard: too many attempts: wait %s", r.After)
}

// Guard is safe for concurrent use. What it holds is bounded, and of this process alone.
type Guard struct {
	now   func() time.Time
	slots chan struct{}

	mu       sync.Mutex
	counters map[key]*counter
	known    map[key]time.Time // where accounts have logged in, and when last
	waiting  int
	waits    map[key]int // by address
}

// key stands for a name or address of any length.
type key [16]byte

type counter struct {
	attempts int
	last     time.Time
	until    time.Time // no attempt before
	before   time.Time // until, before the last attempt
	limit    *limit
}

// New returns a guard without a past. now defaults to time.Now.
func New(now func() time.Time) *Guard {
	if now == nil {
		now = time.Now
	}
	return &Guard{
		now: now, slots: make(chan struct{}, comparedAtOnce), counters: map[key]*counter{}, known: map[key]time.Time{},
		waits: map[key]int{},
	}
}

// Try compares a password, if the account and the address may try one now. It returns what compare does, a [*Refused],
// or the context's error; what was not compared does not count.
func (g *Guard) Try(ctx context.Context, account, address string, compare func() bool) (bool, error) {
	a := attempt{
		pair: keyOf("pair", account, address), account: keyOf("account", account), address: keyOf("address", address),
	}
	if err := g.reserve(a); err != nil {
		return false, err
	}
	if err := g.enter(ctx, a); err != nil {
		g.giveBack(a)
		return false, err
	}
	defer func() { <-g.slots }()
	if !compare() {
		return false, nil
	}
	g.succeeded(a)
	return true, nil
}

// attempt is what one is counted by.
type attempt struct{ pair, account, address key }

func keyOf(words ...string) (k key) {
	sum := sha256.New()
	for _, word := range words {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(word), word)
	}
	return key(sum.Sum(nil)[:len(k)])
}

// reserve counts an attempt, or says how long to wait.
func (g *Guard) reserve(a attempt) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	counted := []*counter{g.counter(a.pair, &pairLimit, now)}
	if last, ok := g.known[a.pair]; !ok || now.Sub(last) > knownFor {
		counted = append(counted, g.counter(a.account, &accountLimit, now), g.counter(a.address, &addressLimit, now))
	}
	for _, c := range counted {
		if wait := c.until.Sub(now); wait > 0 {
			return &Refused{After: wait}
		}
	}
	for _, c := range counted {
		c.count(now)
	}
	return nil
}

func (c *counter) count(now time.Time) {
	c.attempts++
	c.last, c.before = now, c.until
	if over := c.attempts - c.limit.free; over >= 0 {
		c.until = now.Add(min(c.limit.first<<min(over, 20), c.limit.most))
	}
}

// counter returns that of a key; one that was forgotten begins anew.
func (g *Guard) counter(k key, of *limit, now time.Time) *counter {
	c, ok := g.counters[k]
	if !ok || now.Sub(c.last) > c.limit.forgotten {
		if !ok && len(g.counters) >= countersMost {
			g.sweep(now)
		}
		c = &counter{limit: of, last: now}
		g.counters[k] = c
	}
	return c
}

// sweep makes room: what would be forgotten goes, or else what was tried last the longest ago.
func (g *Guard) sweep(now time.Time) {
	for age := time.Hour; len(g.counters) >= countersMost*9/10; age /= 2 {
		for k, c := range g.counters {
			if now.Sub(c.last) >= min(age, c.limit.forgotten) {
				delete(g.counters, k)
			}
		}
	}
}

// giveBack takes back what was counted of an attempt that was not compared.
func (g *Guard) giveBack(a attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range []key{a.pair, a.account, a.address} {
		if c := g.counters[k]; c != nil && c.attempts > 0 {
			c.attempts--
			c.until = c.before
		}
	}
}

// succeeded forgets the failures of the account at the address, and remembers that it has logged in there.
func (g *Guard) succeeded(a attempt) {
	g.giveBack(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.counters, a.pair)
	g.known[a.pair] = g.now()
	if len(g.known) <= knownMost {
		return
	}
	oldest := a.pair
	for k, at := range g.known {
		if at.Before(g.known[oldest]) {
			oldest = k
		}
	}
	delete(g.known, oldest)
}

// enter waits for a slot, in a queue of which one address may have a half.
func (g *Guard) enter(ctx context.Context, a attempt) error {
	g.mu.Lock()
	if g.waiting >= waitingMost || g.waits[a.address] >= waitingOfOne {
		g.mu.Unlock()
		return &Refused{After: time.Second, Busy: true}
	}
	g.waiting++
	g.waits[a.address]++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting--
		if g.waits[a.address]--; g.waits[a.address] == 0 {
			delete(g.waits, a.address)
		}
	}()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

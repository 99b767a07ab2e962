package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// WithdrawnFor is how long an attempt that its caller gave up is refused should it arrive late: longer than a request
// stays under way between a client that has closed its connection and a server that lives.
const WithdrawnFor = time.Minute

// A request that failed is repeated after a pause that doubles from the first to the last of these, by at most
// maxRepeating goroutines: what more callers leave while Redis is away ends with its TTL.
const (
	firstPause   = 100 * time.Millisecond
	lastPause    = 2 * time.Second
	maxRepeating = 1024
)

// patience is how long a caller that gave up waits for Redis to take back what it left: as a rule that takes one round
// trip, and a process that ends next has then left nothing.
const patience = 100 * time.Millisecond

// Background is the requests that outlive their callers. The zero value is ready.
type Background struct {
	mu        sync.Mutex
	closed    chan struct{} // guarded by mu; nil until it is needed
	closing   bool          // guarded by mu
	repeating int           // guarded by mu
	running   sync.WaitGroup
}

// run starts a goroutine, or reports false if the background is closed.
func (b *Background) run(work func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return false
	}
	b.running.Go(work)
	return true
}

// Request runs a request in the background and waits a moment for its end. One that fails is repeated until it
// succeeds, the limit is over or the background is closed; after that a request runs once.
func (b *Background) Request(limit time.Duration, request func() error) {
	first := make(chan struct{})
	begin := func() error { defer close(first); return request() }
	if !b.run(func() { b.repeat(limit, begin(), request) }) {
		go func() { _ = begin() }()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-first:
	case <-timer.C:
	}
}

// Repeat is Request for a request that has just failed, and does not wait.
func (b *Background) Repeat(limit time.Duration, failure error, request func() error) {
	b.run(func() { b.repeat(limit, failure, request) })
}

func (b *Background) repeat(limit time.Duration, err error, request func() error) {
	if err == nil || !b.enter() {
		return
	}
	defer b.leave()
	until, pause := time.Now().Add(limit), firstPause
	for err != nil && !errors.Is(err, redis.ErrClosed) && time.Now().Before(until) && b.sleep(pause) {
		pause = min(2*pause, lastPause)
		err = request()
	}
}

// Bounded calls a request with a context of its own that ends when a release would.
func Bounded(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReleaseTimeout)
	defer cancel()
	return request(ctx)
}

func (b *Background) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing || b.repeating >= maxRepeating {
		return false
	}
	b.repeating++
	return true
}

func (b *Background) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.repeating--
}

// sleep reports false if the background was closed meanwhile.
func (b *Background) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.end():
		return false
	}
}

// end returns the channel that Close closes.
func (b *Background) end() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.closed = make(chan struct{})
	}
	return b.closed
}

// Close ends the repetitions, and waits for the requests under way for as long as a release may take. Closing twice is
// harmless.
func (b *Background) Close() {
	closed := b.end()
	b.mu.Lock()
	if !b.closing {
		b.closing = true
		close(closed)
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.running.Wait(); close(done) }()
	timer := time.NewTimer(ReleaseTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

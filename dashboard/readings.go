package dashboard

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/pace"
)

// What users have of the dashboard at once, so that its memory has a bound and one of them leaves room for others.
const (
	readsAtOnce = 8               // pages that are read from Redis
	readsOfOne  = 3               // of them, for one user
	readsWait   = 2 * time.Second // that a reading waits for its turn

	requestsAtOnce = 64 // pages that are made or written
	requestsOfOne  = 16

	requestsEvery = time.Second / 40 // of one user, on average; the others wait
	requestsAhead = 60               // that may come earlier
	waitsOfOne    = 64               // of one user, that wait for their turn

	weighed = 256 << 10 // bytes of jobs that are read for a page count as one request more
)

var errBusy = &statusError{http.StatusTooManyRequests, errors.New("too many pages are asked for at once; try again")}

// turns let so many go on at once, and so many of one user. Others wait, or are refused.
type turns struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[string]int
	waits map[string]int
	freed chan struct{} // closed when one is given back
}

func newTurns(all, each int) *turns {
	return &turns{all: all, each: each, by: map[string]int{}, waits: map[string]int{}, freed: make(chan struct{})}
}

// try takes a turn, or returns a channel that is closed when there may be one.
func (t *turns) try(user string) (wait <-chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken >= t.all || t.by[user] >= t.each {
		return t.freed, false
	}
	t.taken++
	t.by[user]++
	return nil, true
}

func (t *turns) giveBack(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	if t.by[user]--; t.by[user] == 0 {
		delete(t.by, user)
	}
	close(t.freed)
	t.freed = make(chan struct{})
}

// wait takes a turn, within a time. A user's requests that many already wait before are refused.
func (t *turns) wait(ctx context.Context, user string, within time.Duration) error {
	if _, ok := t.try(user); ok {
		return nil
	}
	if !t.queue(user) {
		return errBusy
	}
	defer t.leave(user)
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		wait, ok := t.try(user)
		if ok {
			return nil
		}
		select {
		case <-wait:
		case <-late.C:
			return errBusy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *turns) queue(user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waits[user] >= waitsOfOne {
		return false
	}
	t.waits[user]++
	return true
}

func (t *turns) leave(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waits[user]--; t.waits[user] == 0 {
		delete(t.waits, user)
	}
}

// turn is a turn of a user. Each that waits for a reading takes one, also where another user's request reads for both:
// a user whose turns are taken keeps nobody else waiting. A nil turn is always free, and so is the zero value.
type turn struct {
	of   *turns
	pace *pace.Pace // of the user's requests; nil for none
	user string
}

func (t *turn) wait(ctx context.Context) error {
	if t == nil || t.of == nil {
		return nil
	}
	return t.of.wait(ctx, t.user, readsWait)
}

func (t *turn) try() bool {
	if t == nil || t.of == nil {
		return true
	}
	_, ok := t.of.try(t.user)
	return ok
}

// charge has what was read of jobs count for the user's pace.
func (t *turn) charge(bytes int64) {
	if t != nil && t.pace != nil {
		t.pace.Charge(t.user, bytes/weighed)
	}
}

func (t *turn) giveBack() {
	if t != nil && t.of != nil {
		t.of.giveBack(t.user)
	}
}

// counted has a user's requests wait while many of theirs are under way or have come lately, and refuses the rest.
func (d *Dashboard) counted(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := userOf(r.Context()).Name
		err := d.requests.wait(r.Context(), user, readsWait)
		if err == nil {
			defer d.requests.giveBack(user)
			err = d.pace.Wait(r.Context(), user)
		}
		if err != nil {
			w.Header().Set("Retry-After", "1")
			refuseWith(w, r, http.StatusTooManyRequests, errBusy.Error())
			return
		}
		next(w, r)
	}
}

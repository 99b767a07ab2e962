package dashboard

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// What users have of the dashboard at once, so that its memory has a bound and one of them leaves room for others.
const (
	readsAtOnce = 8               // pages that are read from Redis
	readsOfOne  = 3               // of them, for one user
	readsWait   = 2 * time.Second // that a reading waits for its turn

	requestsAtOnce = 64 // pages that are made or written
	requestsOfOne  = 16
)

var errBusy = &statusError{http.StatusTooManyRequests, errors.New("too many pages are asked for at once; try again")}

// turns let so many go on at once, and so many of one user. Others wait, or are refused.
type turns struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[string]int
	freed chan struct{} // closed when one is given back
}

func newTurns(all, each int) *turns {
	return &turns{all: all, each: each, by: map[string]int{}, freed: make(chan struct{})}
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

// wait takes a turn, within a time.
func (t *turns) wait(ctx context.Context, user string, within time.Duration) error {
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

// counted refuses a user's request while many of theirs are under way.
func (d *Dashboard) counted(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := userOf(r.Context()).Name
		if err := d.requests.wait(r.Context(), user, readsWait); err != nil {
			w.Header().Set("Retry-After", "1")
			refuseWith(w, r, http.StatusTooManyRequests, errBusy.Error())
			return
		}
		defer d.requests.giveBack(user)
		next(w, r)
	}
}

package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// lockList is a page of the locks that somebody holds.
type lockList struct {
	Sort   lockmgr.Sort    `json:"sort"`
	Filter string          `json:"filter,omitempty"`
	Locks  []lockmgr.State `json:"locks"`
	Keys   keyPage         `json:"keys"`
}

func (l lockList) freshFor() time.Duration { return l.Keys.freshFor() }

// sortOfLock is a sort of locks as the page offers it.
type sortOfLock struct {
	Sort  lockmgr.Sort
	Title string
	None  string // said where nobody holds one
}

var sortsOfLocks = []sortOfLock{
	{lockmgr.Plain, "Locks", "Nobody holds a lock."},
	{lockmgr.OfSemaphore, "Semaphores", "Nobody holds a permit."},
	{lockmgr.ReadersWriter, "Readers and writers", "Nobody reads or writes under a lock."},
}

var locksPage = page{section: "locks", title: "Locks", template: "locks", load: loadLocks}

func loadLocks(ctx context.Context, d *Dashboard, r *request) (any, error) {
	l := lockList{Sort: lockmgr.Sort(r.Get("sort")), Filter: strings.TrimSpace(r.Get("q"))}
	if l.Sort == "" {
		l.Sort = lockmgr.Plain
	}
	kind := "zset"
	if l.Sort == lockmgr.Plain {
		kind = "string"
	}
	var err error
	if l.Keys, err = d.findKeys(ctx, kind, l.Sort.KeyPrefix(), l.Filter, r.Get("cursor")); err != nil {
		return nil, err
	}
	l.Locks, err = d.locks.Look(ctx, l.Sort, l.Keys.names...)
	return l, err
}

// evict takes a lock away from a holder.
func (d *Dashboard) evict(r *http.Request, user User) (notice, error) {
	sort, name, owner := lockmgr.Sort(r.PostFormValue("sort")), r.PostFormValue("name"), r.PostFormValue("owner")
	err := confirmed(r, ask{
		Title: "Force a lock's release", Button: "Force the release", Word: name,
		Says: fmt.Sprintf("Take the %s %s away from its holder %s. A living holder learns of it at its next renewal, and may work on until then: "+
			"another one may do the same work at the same time, unless what it guards checks fencing tokens.", sort, name, ownerName(owner)),
	})
	if err != nil {
		return notice{}, err
	}
	had, err := d.locks.Evict(r.Context(), sort, name, owner)
	if err != nil {
		return notice{}, err
	}
	if !had {
		return notice{}, fmt.Errorf("%s no longer has the %s %s: %w", ownerName(owner), sort, name, queue.ErrNotFound)
	}
	d.audit(r.Context(), user, "lock.evict", string(sort)+":"+name, "held by "+ownerName(owner))
	return notice{Text: fmt.Sprintf("The %s %s was taken away from %s.", sort, name, ownerName(owner))}, nil
}

// ownerName is the beginning of a holder's name, enough to tell it from others.
func ownerName(owner string) string {
	if runes := []rune(owner); len(runes) > 12 {
		return string(runes[:12]) + "…"
	}
	return owner
}

// lease writes for how long a lock is still held, counting down between two looks.
func lease(left time.Duration) template.HTML {
	if left == lockmgr.Forever {
		return `<span class="warn">without an end</span>`
	}
	return template.HTML(fmt.Sprintf(`<span data-counts="%d" data-step="down">%s</span>`, left.Milliseconds(), span(left))) //nolint:gosec // digits only
}

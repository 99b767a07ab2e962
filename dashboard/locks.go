package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

// lockList is a page of the locks that are held.
type lockList struct {
	Kind   lockmgr.Kind    `json:"sort"`
	Filter string          `json:"filter,omitempty"`
	Locks  []lockmgr.State `json:"locks"`
	Keys   KeyPage         `json:"keys"`
}

func (l lockList) FreshFor() time.Duration { return l.Keys.FreshFor() }

// lockChoice is a kind of locks as the page offers it.
type lockChoice struct {
	Kind  lockmgr.Kind
	Title string
	None  string // shown if none is held
}

var lockChoices = []lockChoice{
	{lockmgr.KindLock, "Locks", "No lock is held."},
	{lockmgr.KindSemaphore, "Semaphores", "No permit is held."},
	{lockmgr.KindRWLock, "Readers-writer locks", "No readers-writer lock is held."},
}

var locksPage = page{section: "locks", title: "Locks", template: "locks", query: []string{"sort", "q", "cursor"},
	load: loadLocks}

func loadLocks(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	l := lockList{Kind: lockmgr.Kind(r.Get("sort")), Filter: strings.TrimSpace(r.Get("q"))}
	if l.Kind == "" {
		l.Kind = lockmgr.KindLock
	}
	keyType := "zset"
	if l.Kind == lockmgr.KindLock {
		keyType = "string"
	}
	var err error
	if l.Keys, err = FindKeys(ctx, d.cfg.Redis, keyType, l.Kind.KeyPrefix(), l.Filter, r.Get("cursor")); err != nil {
		return nil, err
	}
	l.Locks, err = d.locks.Inspect(ctx, l.Kind, l.Keys.Names...)
	return l, err
}

// evict takes a lock away from a holder.
func (d *Dashboard) evict(f *Form) (Notice, error) {
	kind, name, owner := lockmgr.Kind(f.Value("sort")), f.Value("name"), f.Value("owner")
	err := f.confirmed(confirmation{
		Title: "Force a lock's release", Button: "Force the release", Word: name,
		Says: fmt.Sprintf("Take the %s %s away from its holder %s. A living holder notices at its next renewal, and may "+
			"continue until then: another one may do the same work at the same time, unless what the lock guards checks "+
			"fencing tokens.", kind, name, ownerName(owner)),
	})
	if err != nil {
		return Notice{}, err
	}
	had, err := d.locks.Evict(f.Context(), kind, name, owner)
	if err != nil {
		return Notice{}, err
	}
	if !had {
		return Notice{}, NotFound("%s no longer has the %s %s", ownerName(owner), kind, name)
	}
	f.Audit("lock.evict", string(kind)+":"+name, "held by "+ownerName(owner))
	return Notice{Text: fmt.Sprintf("The %s %s was taken away from %s.", kind, name, ownerName(owner))}, nil
}

// ownerName is the beginning of a holder's name, enough to distinguish it from others.
func ownerName(owner string) string {
	if runes := []rune(owner); len(runes) > 12 {
		return string(runes[:12]) + "…"
	}
	return owner
}

// lease writes for how long a lock is still held, counting down between two readings.
func lease(left time.Duration) template.HTML {
	if left == lockmgr.Forever {
		return `<span class="warn">no expiry</span>`
	}
	text := fmt.Sprintf(`<span data-counts="%d" data-step="down">%s</span>`, left.Milliseconds(), span(left))
	return template.HTML(text) //nolint:gosec // digits only
}

package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	unreadTries = 3           // how often a reply with one entry alone is lost before the entry is taken for too large
	unreadPause = time.Second // between those
	unreadLeast = 64 << 10    // bytes: a smaller entry is never too large, whatever happens to replies
)

// unread are entries that came to this session one by one and never arrived: each time the connection failed under
// them, and served for anything else. They wait while the others are adopted. Of the reading loop alone.
//
// Why: docs/decisions/engine.md#an-entry-that-is-too-large-for-its-connection-is-dead-after-three-tries
type unread struct {
	pass    int
	entries map[wire.EntryRef]*unreadEntry
}

type unreadEntry struct {
	tries int
	again int64 // when to try next, on the monotonic clock
	pass  int   // in which it was last seen to be pending
}

func (u *unread) beginPass() { u.pass++ }

// endPass forgets the entries that are not pending for this session any more.
func (u *unread) endPass() {
	maps.DeleteFunc(u.entries, func(_ wire.EntryRef, e *unreadEntry) bool { return e.pass != u.pass })
}

// isDue reports whether a pending entry is to be asked for now.
func (u *unread) isDue(entry wire.EntryRef, now int64) bool {
	e, ok := u.entries[entry]
	if !ok {
		return true
	}
	e.pass = u.pass
	return now >= e.again
}

// anyDue reports whether it is time to try one of them again.
func (u *unread) anyDue() bool {
	for _, e := range u.entries {
		if monotonic() >= e.again {
			return true
		}
	}
	return false
}

func (u *unread) received(entries []wire.EntryRef) {
	for _, entry := range entries {
		delete(u.entries, entry)
	}
}

// failed counts a try and returns how many there were.
func (u *unread) failed(entry wire.EntryRef) int {
	if u.entries == nil {
		u.entries = map[wire.EntryRef]*unreadEntry{}
	}
	e := u.entries[entry]
	if e == nil {
		e = &unreadEntry{}
		u.entries[entry] = e
	}
	e.tries++
	e.pass, e.again = u.pass, monotonic()+int64(unreadPause)
	return e.tries
}

// notReceived finds out why a reply was lost whose first entry was this one. If there were more in it, fewer are asked
// for next. If it was alone and Redis answers otherwise, it is put off, and in the end it is dead: then the error is
// nil, and the others go on.
func (ses *session) notReceived(entry wire.EntryRef, cause error) error {
	if !mayHaveArrived(cause) {
		return cause
	}
	ctx, cancel := context.WithTimeout(ses.ctx, ses.replyTimeout())
	defer cancel()
	size, err := wire.Weigh(ctx, ses.w.rdb, &ses.queue, ses.consumer, entry)
	if err != nil {
		return cause
	}
	if size < max(ses.replies.limit(), unreadLeast) {
		ses.replies.lost()
		return cause
	}
	tries := ses.unread.failed(entry)
	err = fmt.Errorf("entry %s of %d bytes did not arrive, try %d of %d: %w", entry.ID, size, tries, unreadTries, cause)
	ses.reportError("receive", err)
	if tries >= unreadTries {
		ses.buryUnread(entry, err)
	}
	return nil
}

// buryUnread moves an entry that never arrives to the dead. If that fails, it is tried again later.
func (ses *session) buryUnread(entry wire.EntryRef, cause error) {
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	id, kind, err := wire.BuryUnread(ctx, ses.w.rdb, &ses.queue, ses.consumer, entry, &wire.Death{
		Error: errorText(cause), Reason: wire.ReasonTooLarge, Worker: ses.consumer, At: ses.w.cfg.Now(),
	})
	if err != nil {
		if !errors.Is(err, wire.ErrNotHeld) {
			ses.reportError("bury", err)
		}
		return
	}
	ses.unread.received([]wire.EntryRef{entry})
	ses.counters.of(ses.w.kinds[kind]).outcomes[outcomeDead].Add(1)
	ses.observe(Event{Type: EventDead, Worker: ses.consumer, Job: id, Kind: kind, Err: cause})
}

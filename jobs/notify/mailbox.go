package notify

import (
	"sync"
	"time"
)

// Gap says that messages are, or may be, missing between the one before and the one after.
type Gap struct {
	From         time.Time // when the first may have been lost
	To           time.Time
	Dropped      int  // messages that came and had no room in the buffer
	Disconnected bool // the connection was lost: nobody knows how many were published meanwhile
}

func (g Gap) empty() bool { return g.Dropped == 0 && !g.Disconnected }

// and is two gaps with no message between them.
func (g Gap) and(later Gap) Gap {
	switch {
	case g.empty():
		return later
	case later.empty():
		return g
	}
	return Gap{g.From, later.To, g.Dropped + later.Dropped, g.Disconnected || later.Disconnected}
}

// letter is a message, and what is missing before it.
type letter struct {
	gap              Gap
	channel, payload string
}

// mailbox is a bounded buffer of messages that knows where some are missing.
type mailbox struct {
	size   int
	policy Policy
	signal chan struct{} // holds one value when there may be something to read

	mu      sync.Mutex
	letters []letter
	last    Gap // after the last letter
	dropped uint64
	closed  error
}

func newMailbox(b Buffer) *mailbox {
	if b.Size <= 0 {
		b.Size = DefaultBuffer
	}
	return &mailbox{size: b.Size, policy: b.Full, signal: make(chan struct{}, 1)}
}

// put adds a message. It reports false if one had to be dropped for it, or it had to be dropped itself.
func (m *mailbox) put(channel, payload string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.poke()
	full := len(m.letters) >= m.size
	if full {
		m.dropped++
		loss := Gap{From: now, To: now, Dropped: 1}
		if m.policy == DropNewest {
			m.last = m.last.and(loss)
			return false
		}
		m.dropOldest(loss)
	}
	m.letters = append(m.letters, letter{gap: m.last, channel: channel, payload: payload})
	m.last = Gap{}
	return !full
}

// dropOldest leaves the loss in the place of the oldest letter.
func (m *mailbox) dropOldest(loss Gap) {
	loss = m.letters[0].gap.and(loss)
	m.letters = m.letters[1:]
	if len(m.letters) > 0 {
		m.letters[0].gap = loss.and(m.letters[0].gap)
		return
	}
	m.last = loss.and(m.last)
}

// miss notes that messages may be missing from here on.
func (m *mailbox) miss(gap Gap) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = m.last.and(gap)
	m.poke()
}

func (m *mailbox) close(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed == nil {
		m.closed = err
	}
	m.poke()
}

// take returns the next letter or the gap before it. It reports false if there is neither, with the error that ended
// the mailbox if it has ended: what it has is still handed out.
func (m *mailbox) take() (next letter, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	place := &m.last
	if len(m.letters) > 0 {
		place = &m.letters[0].gap
	}
	if !place.empty() {
		next.gap, *place = *place, Gap{}
		return next, true, nil
	}
	if len(m.letters) > 0 {
		next = m.letters[0]
		m.letters = m.letters[1:]
		return next, true, nil
	}
	return letter{}, false, m.closed
}

func (m *mailbox) poke() {
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

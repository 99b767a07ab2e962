package queue

import (
	"sync"
	"time"
)

const (
	maxReply   = 4 << 20 // bytes asked for with one command at the most
	minReply   = 1 << 10 // and at the least: a single entry may have more
	firstReads = 16      // how many entries are asked for before it is known how large they are
	replySlow  = 500 * time.Millisecond
	replyQuick = replySlow / 4

	mostPatience = 1 << 10
)

// byteBudget bounds in bytes what is asked of Redis, or sent to it, with one command. It halves when a reply is lost or
// slow, down to what one entry may be, so that no command is repeated that is too much for the connection, and grows
// again while replies are quick: the later, the more often that went wrong. For commands that count entries it
// estimates how large those are.
//
// Why: docs/decisions/engine.md#reads-have-a-budget-in-bytes
type byteBudget struct {
	mu       sync.Mutex // guards the fields below
	bytes    int
	entry    int  // estimated bytes of an entry
	quick    int  // replies since the last change that were quick and had half of the bytes
	patience int  // as many make it grow
	losing   bool // the last reply was lost
}

func newByteBudget() *byteBudget {
	return &byteBudget{bytes: maxReply, entry: maxReply / firstReads, patience: 1}
}

// limit is how many bytes may be asked for.
func (b *byteBudget) limit() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

// count is how many entries may be asked for, of those that are wanted.
func (b *byteBudget) count(wanted int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return min(wanted, max(b.bytes/b.entry, 1))
}

// size is how large an entry is taken for, in bytes.
func (b *byteBudget) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entry
}

// isLarge reports whether entries are so large that a reply has room for few: before any has come they are taken for as
// large as is not.
func (b *byteBudget) isLarge() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entry > maxReply/firstReads
}

// arrived notes a reply, and how long it was under way. Larger entries count at once, smaller ones by and by.
func (b *byteBudget) arrived(entries, bytes int, took time.Duration) {
	if entries == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.losing = false
	b.entry = max(bytes/entries, b.entry/4, 1)
	switch {
	case bytes < b.bytes/2: // it shows nothing
	case took > replySlow:
		b.halve()
	case took < replyQuick && b.bytes < maxReply:
		if b.quick++; b.quick >= b.patience {
			b.bytes, b.patience, b.quick = min(b.bytes*2, maxReply), max(b.patience/2, 1), 0
		}
	}
}

// lost notes that a reply never came.
func (b *byteBudget) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.losing { // several in a row are one outage
		b.losing, b.patience = true, min(b.patience*4, mostPatience)
	}
	b.halve()
}

func (b *byteBudget) halve() { b.bytes, b.quick = max(b.bytes/2, minReply), 0 }

package queue

import (
	"testing"
	"time"
)

// What is asked for never exceeds what one entry may be by more than the budget, and comes back after a loss.
func TestBudgetFollowsTheConnection(t *testing.T) {
	t.Parallel()
	b := newByteBudget()
	if n := b.count(1000); n != firstReads {
		t.Errorf("%d entries are asked for before their size is known", n)
	}
	for range 8 {
		b.arrived(16, 16*100, time.Millisecond)
	}
	if n := b.count(1000); n != 1000 {
		t.Errorf("%d of 1000 small entries are asked for", n)
	}
	b.arrived(10, 10<<20, time.Millisecond)
	if n := b.count(1000); n != 4 {
		t.Errorf("%d entries of a MiB are asked for, want 4", n)
	}
	b.arrived(4, 4<<20, time.Second)
	if n := b.count(1000); n != 2 {
		t.Errorf("%d entries of a MiB are asked for over a slow connection, want 2", n)
	}
	for range 30 {
		b.lost()
	}
	if n := b.count(1000); n != 1 || b.limit() != minReply {
		t.Errorf("%d entries and %d bytes are asked for after many losses", n, b.limit())
	}
	for range 40 {
		b.arrived(1, 1<<20, time.Millisecond)
	}
	if n := b.count(1000); n != 4 {
		t.Errorf("%d entries are asked for after many replies, want 4", n)
	}
}

// A connection that bears no more than so many bytes loses ever fewer replies.
func TestBudgetFindsTheLimitOfTheConnection(t *testing.T) {
	t.Parallel()
	const most, entry = 1 << 20, 900 << 10
	b, losses := newByteBudget(), 0
	var asked int
	for range 1000 {
		if asked = b.count(1000); asked*entry > most {
			losses++
			b.lost()
			continue
		}
		b.arrived(asked, asked*entry, time.Millisecond)
	}
	if losses > 12 {
		t.Errorf("%d of 1000 replies were lost", losses)
	}
}

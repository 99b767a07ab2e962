package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Order is what a person has told a queue's workers to do: who, and when.
type Attribution struct {
	By string    `json:"by,omitempty"` // see [WithActor]; "" if not known
	At time.Time `json:"at"`

	noticed int64 // by a worker, on its monotonic clock
}

// storedOrder is an order as it is in Redis: scripts read its time.
type storedAttribution struct {
	By string `json:"by,omitempty"`
	At int64  `json:"at_ms"`
}

func (o *Attribution) encode() string {
	text, _ := json.Marshal(storedAttribution{By: o.By, At: o.At.UnixMilli()}) // a string and a number: cannot fail
	return string(text)
}

// decodeOrder reads an order. What cannot be read is an order all the same, of nobody knows whom.
func decodeAttribution(text string) *Attribution {
	var stored storedAttribution
	_ = json.Unmarshal([]byte(text), &stored)
	return &Attribution{By: stored.By, At: time.UnixMilli(stored.At).UTC()}
}

type actorKey struct{}

// WithActor notes in a context who acts, for the orders that an [Inspector] gives in that person's name: 128 bytes at
// the most.
func WithActor(ctx context.Context, who string) context.Context {
	who = strings.ToValidUTF8(who[:min(len(who), maxNameLen)], "")
	return context.WithValue(ctx, actorKey{}, who)
}

// order is an order given now.
func (i *Inspector) attribution(ctx context.Context) *Attribution {
	who, _ := ctx.Value(actorKey{}).(string)
	return &Attribution{By: who, At: i.now().UTC().Truncate(time.Millisecond)}
}

// Pause makes the queue's workers start no more jobs: each within a beat, which is half a second with the default
// lease. What runs goes on; what was read ahead and has not started is handed back, without a redelivery; due jobs are
// still promoted, and clients still enqueue. A queue that is paused already stays so, by the first order. [ErrNotFound]
// if nobody has ever used the queue.
func (i *Inspector) Pause(ctx context.Context, queue string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		err = i.rdb.SetNX(ctx, p.keys.paused(), i.attribution(ctx).encode(), 0).Err()
	}
	if err != nil {
		return fmt.Errorf("queue: pause %s: %w", queue, err)
	}
	return nil
}

// Resume lets the workers of a paused queue go on, each within a beat; what was handed back goes first. A queue that
// is not paused stays as it is.
func (i *Inspector) Resume(ctx context.Context, queue string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		err = i.rdb.Del(ctx, p.keys.paused()).Err()
	}
	if err != nil {
		return fmt.Errorf("queue: resume %s: %w", queue, err)
	}
	return nil
}

// pause heeds whether the queue is paused, and whether the worker is quiet: either way it starts no job of the queue. A
// read that waits is ended, so that it brings nothing more; what it brings all the same is handed back. A quiet worker
// stays so while it stops.
func (ses *session) applyPause(ctx context.Context, paused bool) {
	if ses.wasPaused.Swap(paused) != paused {
		news := EventResumed
		if paused {
			news = EventPaused
		}
		ses.observe(Event{Type: news, Worker: ses.consumer})
	}
	rests := paused || ses.w.control.isQuiet()
	news := ses.w.dispatcher.setPaused(ses.buffer, rests)
	if !rests {
		return
	}
	if news {
		ses.reader.interrupt(ctx, ses.w.rdb)
	}
	if ses.transfer.TryLock() { // else somebody waits for Redis: at the next beat
		ses.handBack()
		ses.transfer.Unlock()
	}
}

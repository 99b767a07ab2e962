package notify

import (
	"context"
	"encoding/json"
	"fmt"
)

// DefaultBuffer is how many messages a subscription holds for its reader by default.
const DefaultBuffer = 256

// Policy is which message goes when a buffer is full.
type Policy int

// The policies.
const (
	DropOldest Policy = iota // the reader catches up with the present
	DropNewest               // the reader keeps what it has
)

// Buffer is what a subscription holds for its reader. The zero value works.
type Buffer struct {
	Size int    // messages. Defaults to DefaultBuffer
	Full Policy // Defaults to DropOldest
}

// Event is a message, or the news that some are missing.
type Event[T any] struct {
	Channel string
	Message T
	Err     error // the message is not JSON of a T; Payload has it
	Payload string

	Gap *Gap // if not nil, this is no message
}

// Subscription receives the messages of a channel, or of all channels that match a pattern.
type Subscription[T any] struct {
	hub   *Hub
	topic topic
	box   *mailbox
}

// Subscribe listens on a channel for messages that are JSON of a T. It returns when Redis has confirmed that it does, or
// with an error when ctx ends before. The caller closes the subscription.
func Subscribe[T any](ctx context.Context, hub *Hub, channel string, buffer Buffer) (*Subscription[T], error) {
	return subscribe[T](ctx, hub, topic{name: channel}, buffer)
}

// PatternSubscribe is [Subscribe] for all channels that match a pattern: * is any text, ? one character, [ab] one of
// these, and \ takes the meaning from the next, for example user:*:notifications.
func PatternSubscribe[T any](ctx context.Context, hub *Hub, pattern string, buffer Buffer) (*Subscription[T], error) {
	return subscribe[T](ctx, hub, topic{name: pattern, pattern: true}, buffer)
}

func subscribe[T any](ctx context.Context, hub *Hub, topic topic, buffer Buffer) (*Subscription[T], error) {
	if topic.name == "" || len(topic.name) > maxChannelBytes {
		return nil, fmt.Errorf("notify: %w: channel or pattern: want 1 to %d bytes", ErrInvalid, maxChannelBytes)
	}
	s := &Subscription[T]{hub: hub, topic: topic, box: newMailbox(buffer)}
	if err := hub.join(ctx, topic, s.box); err != nil {
		return nil, fmt.Errorf("notify: subscribe to %s: %w", topic.name, err)
	}
	return s, nil
}

// Next waits for the next event. After the hub or the subscription was closed it hands out what is left, and then
// [ErrClosed]. One goroutine may call it at a time.
func (s *Subscription[T]) Next(ctx context.Context) (Event[T], error) {
	for {
		next, ok, err := s.box.take()
		if ok {
			return open[T](next), nil
		}
		if err != nil {
			return Event[T]{}, err
		}
		select {
		case <-s.box.signal:
		case <-ctx.Done():
			return Event[T]{}, ctx.Err()
		}
	}
}

func open[T any](l letter) Event[T] {
	if !l.gap.empty() && l.channel == "" {
		return Event[T]{Gap: &l.gap}
	}
	e := Event[T]{Channel: l.channel, Payload: l.payload}
	if err := json.Unmarshal([]byte(l.payload), &e.Message); err != nil {
		e.Err = fmt.Errorf("notify: message on %s: %w", l.channel, err)
	}
	return e
}

// Dropped is how many messages had no room in the buffer so far.
func (s *Subscription[T]) Dropped() uint64 {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	return s.box.dropped
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription[T]) Close() { s.hub.leave(s.topic, s.box) }

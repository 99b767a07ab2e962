package notify

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// What a channel's log keeps for those who come back.
const (
	LogLength = 100            // entries, at the least; up to twice as many
	LogFor    = 24 * time.Hour // after the last notification
)

// SentFor is how long a notification sent under an ID is remembered, so that it is not sent again.
const SentFor = 24 * time.Hour

// Sender sends notifications. It is safe for concurrent use and needs no closing.
type Sender struct {
	rdb redis.UniversalClient
}

// New returns a sender of notifications through rdb.
func New(rdb redis.UniversalClient) *Sender { return &Sender{rdb: rdb} }

// Send keeps a notification in its channel's log and publishes it, in one atomic step and one round trip. It returns the
// ID of the log's entry, which the published message has as its ID. A second call with the same id within [SentFor]
// sends nothing and returns the same; an empty id stands for one that no other call has. A zero time is now.
func (s *Sender) Send(ctx context.Context, id, channel string, n Notification) (string, error) {
	if err := checkChannel(channel); err != nil {
		return "", fmt.Errorf("notify: %w", err)
	}
	if err := n.validate(); err != nil {
		return "", fmt.Errorf("notify: %w", err)
	}
	if id == "" {
		id = rand.Text() // the client library may send a script twice
	}
	if n.ID = ""; n.At.IsZero() {
		n.At = time.Now()
	}
	payload, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("notify: %w", err)
	}
	entry, err := sendScript.Run(ctx, s.rdb, []string{logKey(channel), sentKey(channel, id)},
		channel, payload, LogLength, LogFor.Milliseconds(), SentFor.Milliseconds()).Text()
	if err != nil {
		return "", fmt.Errorf("notify: send to %s: %w", channel, err)
	}
	return entry, nil
}

// Publish publishes a message as JSON, to whoever listens at this moment, and returns how many connections did (on a
// cluster, of one node). The log does not have it, so a browser that is away misses it and never learns
// of it.
func Publish[T any](ctx context.Context, rdb redis.UniversalClient, channel string, message T) (int64, error) {
	payload, err := json.Marshal(message)
	if err != nil {
		return 0, fmt.Errorf("notify: publish on %s: %w", channel, err)
	}
	receivers, err := rdb.Publish(ctx, channel, payload).Result()
	if err != nil {
		return 0, fmt.Errorf("notify: publish on %s: %w", channel, err)
	}
	return receivers, nil
}

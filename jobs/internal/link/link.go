// Package link holds a pub/sub connection for as long as its owner wants it, and reports each time
// that it was lost.
package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// A connection that is silent for a second is asked for a sign of life, and given up after two more.
const (
	silence    = time.Second
	maxSilence = 3
)

const (
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
)

var errSilent = errors.New("link: the server does not answer")

// Link is a pub/sub connection that is opened again whenever it is lost. Its functions are called by the goroutine of
// [Link.Run], one at a time.
type Link struct {
	Open     func(ctx context.Context) (*redis.PubSub, error) // opens it, with its subscriptions
	Received func(message any)                                // a *redis.Message or *redis.Subscription

	// Lost says that the connection was lost, and when the server last gave a sign of life on it; or that it could not be
	// opened, with a zero time.
	Lost func(err error, alive time.Time)
}

// Run holds the connection until ctx ends.
func (l Link) Run(ctx context.Context) {
	for pause := minPause; ctx.Err() == nil; pause = min(2*pause, maxPause) {
		alive, err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.Lost(err, alive)
		if !alive.IsZero() {
			pause = minPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// session is one connection, from its opening to its loss. It returns when the last thing was received on it.
func (l Link) session(ctx context.Context) (alive time.Time, err error) {
	pubsub, err := l.Open(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer pubsub.Close()
	stop := context.AfterFunc(ctx, func() { _ = pubsub.Close() }) // ends a read that waits
	defer stop()
	for silent := 0; ; {
		message, err := pubsub.ReceiveTimeout(ctx, silence)
		switch {
		case err == nil:
			alive, silent = time.Now(), 0
			if _, pong := message.(*redis.Pong); !pong {
				l.Received(message)
			}
		case !isTimeout(err):
			return alive, err
		default:
			if silent++; silent >= maxSilence {
				return alive, errSilent
			}
			if err := pubsub.Ping(ctx); err != nil {
				return alive, err
			}
		}
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

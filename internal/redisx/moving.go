package redisx

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// IsMoving reports whether an error says that a slot of a cluster is moving key by key, and that of the keys of one
// command some have moved and some have not, or do not exist. Nothing was executed.
func IsMoving(err error) bool { return redis.HasErrorPrefix(err, "TRYAGAIN") }

// A command that is refused because its slot moves is sent again after a pause that doubles from the first to the last
// of these, at random between half and all of it.
const (
	firstMovePause = 20 * time.Millisecond
	lastMovePause  = 250 * time.Millisecond
)

// MovePause returns how long to pause before a command is sent again that was refused so many times because its slot
// moves.
func MovePause(refused int) time.Duration {
	pause := lastMovePause
	if refused < 4 {
		pause = firstMovePause << refused
	}
	return pause/2 + rand.N(pause/2)
}

// WaitOutMove makes a call again and again, until ctx ends, while it fails since its slot moves.
func WaitOutMove(ctx context.Context, call func() error) error {
	for refused := 0; ; refused++ {
		err := call()
		if !IsMoving(err) || !pauseFor(ctx, MovePause(refused)) {
			return err
		}
	}
}

// pauseFor reports false if ctx has ended meanwhile.
func pauseFor(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

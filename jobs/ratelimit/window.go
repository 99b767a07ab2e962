package ratelimit

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// windowTries is how often a fixed window is asked for: once, again if our clock was wrong, and again if that window
// ended on the way.
const windowTries = 3

// anotherWindow is the first number of a reply that has only the time.
const anotherWindow = -1

var errNoWindow = errors.New("each window had ended before Redis was asked for it")

// askFixed names the window by our clock, corrected by what is known of that of Redis: the key must be known before the
// script runs, or it could not be found in a cluster.
//
// Why: docs/decisions/features.md#a-fixed-windows-key-is-named-by-our-clock-and-checked-by-redis
func (l *Limiter) askFixed(ctx context.Context, key string, n int64) ([]int64, error) {
	for range windowTries {
		window := l.windowAt(time.Now().UnixMicro() + l.ahead.Load())
		reply, err := l.run(ctx, l.windowKey(key, window), n, window)
		if err != nil || reply[0] != anotherWindow {
			return reply, err
		}
		l.ahead.Store(reply[4] - time.Now().UnixMicro())
	}
	return nil, errNoWindow
}

// windowAt is the number of the window, counted from 1970.
func (l *Limiter) windowAt(us int64) int64 { return us / l.limit.Window.Microseconds() }

func (l *Limiter) windowKey(key string, window int64) string {
	return l.form.prefix + key + ":" + strconv.FormatInt(window, 10)
}

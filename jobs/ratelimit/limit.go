package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// ErrInvalid says that a limit, a key or a number of calls makes no sense. It is never a matter of FailOpen.
var ErrInvalid = errors.New("invalid")

// Algorithm is how calls are counted.
type Algorithm int

// The algorithms; the package comment compares them.
const (
	SlidingLog     Algorithm = iota // rate_limit:<key>
	SlidingCounter                  // sliding:<key>
	FixedWindow                     // fw:<key>:<window>
	GCRA                            // gcra:<key>
)

// DefaultWindow is the window of a limit that names none.
const DefaultWindow = time.Minute

// Bounds of a limit.
const (
	MaxWindow = 366 * 24 * time.Hour
	MaxLog    = 100_000 // the highest Rate of a SlidingLog, which remembers each call
)

// exact is up to where a float64, the only number of Lua, holds every integer.
const exact = 1 << 53

// Limit is how often something may be done.
type Limit struct {
	Algorithm Algorithm
	Rate      int64         // calls in each Window, above 0
	Window    time.Duration // 1 ms to [MaxWindow], in whole microseconds; whole seconds for a FixedWindow. Defaults to [DefaultWindow]
	Burst     int64         // of GCRA alone: calls that may come at once. Defaults to Rate
}

// withDefaults fills in what is not set.
func (l Limit) withDefaults() Limit {
	if l.Window == 0 {
		l.Window = DefaultWindow
	}
	if l.Algorithm == GCRA && l.Burst == 0 {
		l.Burst = l.Rate
	}
	return l
}

func (l Limit) validate() error {
	switch {
	case l.Algorithm < SlidingLog || l.Algorithm > GCRA:
		return fmt.Errorf("%w: no algorithm %d", ErrInvalid, l.Algorithm)
	case l.Rate < 1 || l.Rate >= exact:
		return fmt.Errorf("%w: rate of %d, need 1 or more", ErrInvalid, l.Rate)
	case l.Window < time.Millisecond || l.Window > MaxWindow || l.Window%time.Microsecond != 0:
		return fmt.Errorf("%w: window of %s, need 1ms to %s in whole microseconds", ErrInvalid, l.Window, MaxWindow)
	case l.Algorithm == SlidingLog && l.Rate > MaxLog:
		return fmt.Errorf("%w: rate of %d in a sliding log, at most %d; take another algorithm", ErrInvalid, l.Rate, MaxLog)
	case l.Algorithm == FixedWindow && l.Window%time.Second != 0:
		return fmt.Errorf("%w: fixed window of %s, need whole seconds", ErrInvalid, l.Window)
	case l.Algorithm != GCRA && l.Burst != 0:
		return fmt.Errorf("%w: only GCRA has a burst", ErrInvalid)
	case l.Burst < 0:
		return fmt.Errorf("%w: burst of %d, need 1 or more", ErrInvalid, l.Burst)
	}
	if interval, _ := l.interval(); l.Algorithm == GCRA && l.Burst > exact/2/interval {
		return fmt.Errorf("%w: burst of %d at %d in %s is more than can be counted exactly", ErrInvalid, l.Burst, l.Rate, l.Window)
	}
	return nil
}

// most is how many calls can be had at once.
func (l Limit) most() int64 {
	if l.Algorithm == GCRA {
		return l.Burst
	}
	return l.Rate
}

// interval is the time from one call to the next at an even pace: a fraction in lowest terms, in microseconds.
//
// Why: docs/decisions/features.md#gcra-keeps-its-moment-as-microseconds-and-a-fraction
func (l Limit) interval() (numerator, denominator int64) {
	window := l.Window.Microseconds()
	a, b := window, l.Rate
	for b != 0 {
		a, b = b, a%b
	}
	return window / a, l.Rate / a
}

package simgate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	maxLatency = 30 * time.Second
	maxHold    = 30 * time.Second // of an answer that is kept back
)

// Simulation says how a [Server] behaves. The zero value answers at once and never fails. The shares are from 0 to 1.
type Simulation struct {
	Latency  time.Duration // before each call is carried out; 30 s at the most
	Failures float64       // share of calls that are answered with 503 and not carried out
	Timeouts float64       // share of calls that are carried out and never answered: the caller must give up
	Declines float64       // share of charges that are declined, for good

	// Seed chooses which calls these are. The fate of a call follows from the seed, its idempotency key and how often
	// the key was used before, in whatever order calls arrive.
	Seed uint64
}

// Validate says what is out of bounds.
func (s Simulation) Validate() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"failures", s.Failures}, {"timeouts", s.Timeouts}, {"declines", s.Declines}} {
		if !(share.value >= 0 && share.value <= 1) { // NaN is neither
			return fmt.Errorf("simgate: %s must be from 0 to 1, not %v", share.name, share.value)
		}
	}
	switch {
	case s.Failures+s.Timeouts > 1:
		return fmt.Errorf("simgate: failures and timeouts are together above 1")
	case s.Latency < 0 || s.Latency > maxLatency:
		return fmt.Errorf("simgate: latency must be from 0 to %s, not %s", maxLatency, s.Latency)
	}
	return nil
}

// fault is what goes wrong with a call.
type fault int

const (
	noFault  fault = iota
	failure        // before it is carried out
	noAnswer       // after
)

// fate is what happens to the call of a key that was used so often before.
func (s Simulation) fate(key string, before uint64) fault {
	switch drawn := s.draw("fate", key, before); {
	case drawn < s.Failures:
		return failure
	case drawn < s.Failures+s.Timeouts:
		return noAnswer
	}
	return noFault
}

func (s Simulation) declines(key string) bool { return s.draw("decline", key, 0) < s.Declines }

// draw returns a number from 0 to 1 that always is the same for the same arguments.
func (s Simulation) draw(purpose, key string, n uint64) float64 {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%s %d %s", purpose, n, key)
	return rand.New(rand.NewPCG(s.Seed, sum.Sum64())).Float64()
}

package queue

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// DefaultQueue receives jobs that name no queue with [On].
const DefaultQueue = "default"

// IDWindow is how long, after a job with a chosen [ID] is due, a second job of the same ID is recognised as a
// repetition.
const IDWindow = 24 * time.Hour

// EnqueueOption changes one call of [Client.Enqueue].
type EnqueueOption interface{ applyEnqueue(*enqueueOptions) }

// HandleOption changes how the jobs of one kind are run, see [Handle]. What a job was enqueued with goes first.
type HandleOption interface{ applyHandle(*Policy) }

// PolicyOption serves both [Client.Enqueue], for one job, and [Handle], for every job of a kind.
type PolicyOption interface {
	EnqueueOption
	HandleOption
}

type enqueueOptions struct {
	queue      string
	in         time.Duration
	at         time.Time
	id         string
	uniqueKey  string
	uniqueFor  time.Duration
	durability *Durability
	trace      string
	requestID  string
	policy     Policy // only what the caller set; the rest is the handler's
	errs       []error
}

var optionsPool = sync.Pool{New: func() any { return new(enqueueOptions) }}

// due is when the job is due, nil if at once.
func (o *enqueueOptions) due(now time.Time) *time.Time {
	switch {
	case o.in > 0:
		due := now.Add(o.in)
		return &due
	case o.at.After(now):
		due := o.at
		return &due
	}
	return nil
}

type enqueueOption func(*enqueueOptions)

func (f enqueueOption) applyEnqueue(o *enqueueOptions) { f(o) }

// On names the queue. Defaults to "default".
func On(queue string) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) { o.queue = queue })
}

// In delays the job: it is due d from now, by the client's clock. A negative d is refused.
func In(d time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if d < 0 {
			o.errs = append(o.errs, fmt.Errorf("delay %s is negative", d))
		}
		o.in = d
	})
}

// At delays the job until t. A t in the past is due at once.
func At(t time.Time) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) { o.at = t })
}

// ID chooses the job's ID, instead of a ULID. Repeating the call within [IDWindow] enqueues nothing and returns the
// job with Duplicate set. An ID has at most 128 bytes, without spaces.
func ID(id string) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := validateName(id); err != nil {
			o.errs = append(o.errs, fmt.Errorf("job ID %q: %w", id, err))
		}
		o.id = id
	})
}

// Unique allows one job of this key within ttl, counted from the time the job is due: a second call enqueues nothing
// and returns the first job's ID with Duplicate set. The key is set free early when the job is dead, deleted or
// cancelled; a job that was done keeps it until ttl is over, so that repeating a call is safe.
func Unique(key string, ttl time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := validateName(key); err != nil {
			o.errs = append(o.errs, fmt.Errorf("unique key %q: %w", key, err))
		}
		if ttl < time.Millisecond {
			o.errs = append(o.errs, fmt.Errorf("unique for %s: must be at least 1ms", ttl))
		}
		o.uniqueKey, o.uniqueFor = key, ttl
	})
}

type policyOption func(*Policy) error

func (f policyOption) applyEnqueue(o *enqueueOptions) {
	if err := f(&o.policy); err != nil {
		o.errs = append(o.errs, err)
	}
}

func (f policyOption) applyHandle(p *Policy) {
	if err := f(p); err != nil {
		p.err = errors.Join(p.err, err)
	}
}

// MaxAttempts is how many failed attempts make the job dead. Defaults to 20.
func MaxAttempts(n int) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.MaxAttempts = n
		if n < 1 {
			return fmt.Errorf("max attempts %d: must be at least 1", n)
		}
		return nil
	})
}

// Timeout cancels the handler's context, with the cause [ErrTimeout], when a run takes longer. Defaults to 30 minutes.
// A handler that ignores its context keeps its slot until it returns.
func Timeout(d time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.Timeout = d
		if d < time.Millisecond {
			return fmt.Errorf("timeout %s: must be at least 1ms", d)
		}
		return nil
	})
}

// Backoff sets the delay after a failed attempt: lowest after the first, doubled after each, highest at the most, give
// or take a quarter at random so that jobs that failed together do not come back together. Defaults to 1 s and 1 h.
func Backoff(lowest, highest time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.BackoffMin, p.BackoffMax = lowest, highest
		if lowest < time.Millisecond || highest < lowest {
			return fmt.Errorf("backoff from %s to %s: must begin at 1ms or more and not fall", lowest, highest)
		}
		return nil
	})
}

// Retain keeps the state and result of a job for d after it is done, under a key of its own; see [Inspector.Job].
// By default nothing is kept.
func Retain(d time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.Retain = d
		if d < time.Millisecond {
			return fmt.Errorf("retain %s: must be at least 1ms", d)
		}
		return nil
	})
}

type handleOption func(*Policy)

func (f handleOption) applyHandle(p *Policy) { f(p) }

// BackoffFunc computes the delay after a failed attempt, from 1, in place of [Backoff].
func BackoffFunc(delay func(attempt int, err error) time.Duration) HandleOption {
	return handleOption(func(p *Policy) { p.backoff = delay })
}

// Policy says how the jobs of one kind are run. Zero fields mean the default.
type Policy struct {
	MaxAttempts int           `json:"max_attempts"`
	Timeout     time.Duration `json:"timeout"`
	BackoffMin  time.Duration `json:"backoff_min"`
	BackoffMax  time.Duration `json:"backoff_max"`
	Retain      time.Duration `json:"retain"`
	Batch       int           `json:"batch,omitempty"`        // of [HandleBatch], see [BatchOf]; 0 of other kinds
	BatchWithin time.Duration `json:"batch_within,omitempty"` // of [HandleBatch]

	backoff func(attempt int, err error) time.Duration
	err     error
}

// Defaults of a [Policy].
const (
	DefaultMaxAttempts = 20
	DefaultTimeout     = 30 * time.Minute
	DefaultBackoffMin  = time.Second
	DefaultBackoffMax  = time.Hour
)

func (p Policy) withDefaults() Policy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = DefaultMaxAttempts
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.BackoffMin == 0 {
		p.BackoffMin = DefaultBackoffMin
	}
	if p.BackoffMax == 0 {
		p.BackoffMax = max(DefaultBackoffMax, p.BackoffMin)
	}
	return p
}

package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Policy says how the jobs of one kind are run. Zero fields mean the default.
type Policy struct {
	MaxAttempts int           `json:"max_attempts"`
	Timeout     time.Duration `json:"timeout"`
	BackoffMin  time.Duration `json:"backoff_min"`
	BackoffMax  time.Duration `json:"backoff_max"`
	Retain      time.Duration `json:"retain"`
	Batch       int           `json:"batch,omitempty"`        // of [HandleBatch], see [BatchOf]; 0 of other kinds
	BatchWithin time.Duration `json:"batch_within,omitempty"` // of [HandleBatch]
	Strict      bool          `json:"strict,omitempty"`       // of [Strict]

	backoff func(attempt int, err error) time.Duration
	err     error
}

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

// Defaults of a [Policy].
const (
	DefaultMaxAttempts = 20
	DefaultTimeout     = 30 * time.Minute
	DefaultBackoffMin  = time.Second
	DefaultBackoffMax  = time.Hour
)

// HandleOption changes how the jobs of one kind are run, see [Handle]. What a job was enqueued with goes first.
type HandleOption interface{ applyHandle(*Policy) }

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

// noOption is what a nil option is: a mistake.
type noOption struct{}

var errNilOption = errors.New("an option is nil")

func (noOption) applyEnqueue(o *enqueueOptions) { o.errs = append(o.errs, errNilOption) }
func (noOption) applyHandle(p *Policy)          { p.err = errors.Join(p.err, errNilOption) }

type handleOption func(*Policy)

func (f handleOption) applyHandle(p *Policy) { f(p) }

// setPolicy notes in a job's meta what the caller of Enqueue chose.
func setPolicy(m *wire.Meta, p *Policy) {
	m.MaxAttempts = int64(p.MaxAttempts)
	m.Timeout = p.Timeout.Milliseconds()
	m.BackoffMin = p.BackoffMin.Milliseconds()
	m.BackoffMax = p.BackoffMax.Milliseconds()
	m.Retain = p.Retain.Milliseconds()
}

// jobPolicy returns the kind's policy, with what the job was enqueued with laid over it if there is any.
func jobPolicy(m *wire.Meta, ofKind *Policy) *Policy {
	if m.MaxAttempts|m.Timeout|m.BackoffMin|m.Retain == 0 {
		return ofKind
	}
	p := *ofKind
	if m.MaxAttempts > 0 {
		p.MaxAttempts = int(m.MaxAttempts)
	}
	if m.Timeout > 0 {
		p.Timeout = wire.Milliseconds(m.Timeout)
	}
	if m.BackoffMin > 0 {
		p.backoff = nil
		p.BackoffMin = wire.Milliseconds(m.BackoffMin)
		p.BackoffMax = max(wire.Milliseconds(m.BackoffMax), p.BackoffMin)
	}
	if m.Retain > 0 {
		p.Retain = wire.Milliseconds(m.Retain)
	}
	return &p
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

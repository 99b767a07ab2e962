package queue

import (
	"sync"
	"time"
)

// DefaultQueue receives jobs that name no queue with [On].
const DefaultQueue = "default"

// EnqueueOption changes one call of [Client.Enqueue].
type EnqueueOption interface{ applyEnqueue(*enqueueOptions) }

type enqueueOptions struct {
	kind       string // of the arguments
	queue      string
	lane       Lane
	in         time.Duration
	at         time.Time
	hasTime    bool // at was given
	id         string
	idWindow   time.Duration
	uniqueKey  string
	uniqueFor  time.Duration
	durability *Durability
	trace      string
	requestID  string
	expiresIn  time.Duration
	policy     Policy // only what the caller set; the rest is the handler's
	errs       []error
}

var optionsPool = sync.Pool{New: func() any { return new(enqueueOptions) }}

type enqueueOption func(*enqueueOptions)

func (f enqueueOption) applyEnqueue(o *enqueueOptions) { f(o) }

// On names the queue. Defaults to "default".
func On(queue string) JobOption { return onOption(queue) }

type onOption string

func (q onOption) applyEnqueue(o *enqueueOptions) { o.queue = string(q) }
func (q onOption) applyCron(o *cronOptions)       { o.queue = string(q) }

// JobOption serves both [Client.Enqueue], for one job, and [Cron], for those of an entry.
type JobOption interface {
	EnqueueOption
	CronOption
}

// PolicyOption serves [Client.Enqueue], for one job, [Cron], for those of an entry, and [Handle], for every job of a
// kind.
type PolicyOption interface {
	JobOption
	HandleOption
}

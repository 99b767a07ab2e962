package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// CronConfig has jobs that are enqueued again and again, at the times of a spec: cron entries. One job is enqueued for
// each tick of an entry, however many workers there are and whichever of them dies. Entries are in Redis: people may
// add, change and pause them while everything runs, and what they have changed goes before what code declares.
type CronConfig struct {
	// Parse reads a spec: it returns the function that gives the first tick after an instant, the zero time if there is
	// none. Parse of package cron, beside this one, does so. Without it this worker enqueues nothing by itself, and
	// others must.
	Parse func(spec string) (next func(after time.Time) time.Time, err error)

	// Entries are what the worker declares when it starts, made by [Cron]. An entry that no worker declares any more
	// stays until a person deletes it.
	Entries []CronEntry

	// Version is that of Entries: an entry in Redis that was declared with a higher one stays as it is, so that a
	// worker of before that starts again changes nothing. Defaults to the time of the commit that the program was built
	// from, as the Go toolchain has recorded it, in Unix seconds. With equal versions the last declaration counts.
	Version int64
}

// CronEntry is one entry of a [CronConfig], see [Cron].
type CronEntry struct {
	name, spec string
	args       Args
	options    []CronOption
}

// Cron makes an entry that enqueues args at the ticks of spec, such as "0 8 * * MON-FRI",
// "CRON_TZ=Europe/Zurich 30 3 * * *", "*/10 * * * * *" with seconds, "@daily" or "@every 90s": package cron has the
// whole of it. The name is unique in its queue, of 100 bytes at the most, without spaces; the data of args has 64 KiB
// at the most. The job of a tick has the ID cron:<name>:<tick in Unix ms>.
//
// What is wrong with an entry is an error of [NewWorker].
func Cron(name, spec string, args Args, opts ...CronOption) CronEntry {
	return CronEntry{name: name, spec: spec, args: args, options: opts}
}

// CronOption changes one entry: [On], [CatchUp], [Overlap], [Jitter], and a [PolicyOption] for its jobs.
type CronOption interface{ applyCron(*cronOptions) }

type cronOptions struct {
	enqueueOptions
	catchUp int
	overlap OverlapPolicy
	jitter  time.Duration
}

type cronOption func(*cronOptions)

func (f cronOption) applyCron(o *cronOptions) { f(o) }

func (f policyOption) applyCron(o *cronOptions) { f.applyEnqueue(&o.enqueueOptions) }

func (noOption) applyCron(o *cronOptions) { o.errs = append(o.errs, errNilOption) }

// CatchUp says how many missed ticks of an entry are made up for: the last n, 0 for none, 1000 at the most. A tick is
// missed if it is late by [MissedAfter], since no worker was there or Redis was away: when a worker dies,
// another one is faster. Defaults to 1.
func CatchUp(n int) CronOption {
	return cronOption(func(o *cronOptions) {
		o.catchUp = n
		if n < 0 || n > wire.MaxCronCatchUp {
			o.errs = append(o.errs, fmt.Errorf("catch up %d ticks: must be 0 to %d", n, wire.MaxCronCatchUp))
		}
	})
}

// MissedAfter is how late a tick is, beyond the entry's [Jitter], that counts as missed.
const MissedAfter = 5 * time.Second

// OverlapPolicy says what becomes of a tick while a job of its entry, of the last ten, has not ended: while one waits,
// runs, or will be retried.
type OverlapPolicy string

// What may become of such a tick.
const (
	OverlapAllow OverlapPolicy = "allow" // its job is enqueued all the same; the default
	OverlapSkip  OverlapPolicy = "skip"  // it is left out
	OverlapQueue OverlapPolicy = "queue" // its job is enqueued when the others have ended; of several ticks the last is
)

// Overlap sets what becomes of a tick while a job of its entry has not ended. Defaults to [OverlapAllow].
func Overlap(p OverlapPolicy) CronOption {
	return cronOption(func(o *cronOptions) {
		o.overlap = p
		if p != OverlapAllow && p != OverlapSkip && p != OverlapQueue {
			o.errs = append(o.errs, fmt.Errorf("overlap %q: must be %s, %s or %s", p, OverlapAllow, OverlapSkip,
				OverlapQueue))
		}
	})
}

// Jitter enqueues each job of an entry later than its tick, by a time at random up to d, 24 h at the most, so that many
// entries of the same hour do not all come at once. Defaults to none.
func Jitter(d time.Duration) CronOption {
	return cronOption(func(o *cronOptions) {
		o.jitter = d
		if d < 0 || d > wire.MaxCronJitter {
			o.errs = append(o.errs, fmt.Errorf("jitter %s: must be 0 to %s", d, wire.MaxCronJitter))
		}
	})
}

// declaredCron is an entry as a worker declares it.
type declaredCron struct {
	name  string
	entry wire.CronEntry
}

// resolveCrons reads the entries of a worker, by queue.
func (c *WorkerConfig) resolveCrons() (map[string][]declaredCron, error) {
	found, seen, wrong := map[string][]declaredCron{}, map[[2]string]bool{}, mistakes{}
	for _, entry := range c.Cron.Entries {
		queue, declared, err := c.resolveCron(entry)
		if err == nil && seen[[2]string{queue, entry.name}] {
			err = fmt.Errorf("queue %s has two of that name", queue)
		}
		if err != nil {
			wrong.add(fmt.Errorf("cron entry %q: %w", entry.name, err))
			continue
		}
		seen[[2]string{queue, entry.name}] = true
		found[queue] = append(found[queue], declared)
	}
	return found, wrong.err()
}

func (c *WorkerConfig) resolveCron(entry CronEntry) (queue string, declared declaredCron, err error) {
	o := cronOptions{enqueueOptions: enqueueOptions{queue: DefaultQueue}, catchUp: 1, overlap: OverlapAllow}
	for _, opt := range entry.options {
		if opt == nil {
			opt = noOption{}
		}
		opt.applyCron(&o)
	}
	data, err := o.encode(entry.args, wire.MaxCronData)
	errs := []error{err, wire.ValidateCronName(entry.name)}
	if q, is := c.Queues[o.queue]; !is || q.Raw != nil {
		errs = append(errs, fmt.Errorf("queue %s: must be one of the worker's, and no raw stream", o.queue))
	}
	if c.Cron.Parse == nil {
		errs = append(errs, errors.New("nothing reads its spec: set Parse, as package cron has it"))
	} else if _, err := c.Cron.Parse(entry.spec); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return "", declaredCron{}, err
	}
	return o.queue, declaredCron{entry.name, o.entry(entry.spec, data, c.Cron.Version)}, nil
}

// entry is what the options make of an entry, as it is in Redis.
func (o *cronOptions) entry(spec string, data []byte, version int64) wire.CronEntry {
	e := wire.CronEntry{
		Spec: spec, Kind: o.kind, Data: data, CatchUp: o.catchUp, Jitter: o.jitter.Milliseconds(), Version: version,
	}
	if o.overlap != OverlapAllow {
		e.Overlap = string(o.overlap)
	}
	setPolicy(&e.Meta, &o.policy)
	return e
}

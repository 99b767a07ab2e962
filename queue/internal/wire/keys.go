package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/navvy-go/navvy/internal/redisx"
)

// DefaultNamespace begins every key that is not a raw stream's.
const DefaultNamespace = "navvy"

// DefaultGroup is the consumer group of a queue unless a raw stream names another.
const DefaultGroup = "workers"

// MaxNameLen bounds the names of queues, kinds, workers, groups and keys, in bytes.
const MaxNameLen = 128

// Keys builds every Redis key of one queue. They share one hash tag, so that a script, a MULTI and a blocking read
// touch one slot of a cluster. docs/keys.md lists them, and a test holds the list against a running system.
type Keys struct {
	Stream    string // the jobs
	StreamArg any    // the same, ready to be a command's argument
	Prefix    string // of every companion
	base      string // the stream of the normal lane
	own       string // of the companions that each lane has for itself
}

// queueKeys returns the keys of a queue of navvy's own.
func queueKeys(namespace, queue string) Keys { return keysOf(namespace + ":{" + queue + "}") }

// rawKeys returns the keys of a stream that others write: the stream under its own name, its companions beside it in
// the same slot.
func rawKeys(stream string) Keys { return keysOf(stream) }

func keysOf(stream string) Keys {
	prefix := redisx.CompanionPrefix(stream)
	return Keys{Stream: stream, StreamArg: stream, Prefix: prefix, base: stream, own: prefix}
}

// Delayed has the due times of jobs that were enqueued with a delay, or snoozed.
func (k Keys) Delayed() string { return k.Prefix + "delayed" }

// Retrying has the due times of jobs whose attempt failed.
func (k Keys) Retrying() string { return k.Prefix + "retrying" }

// DueChannel is where the caretaker is notified of delayed jobs that are due soon.
func (k Keys) DueChannel() string { return k.Delayed() + ":due" }

// Bodies has the jobs that are delayed or retrying.
func (k Keys) Bodies() string { return k.Prefix + "bodies" }

// Dead has the jobs that gave up.
func (k Keys) Dead() string { return k.Prefix + "dead" }

// DeadIDs has the entry of each dead job.
func (k Keys) DeadIDs() string { return k.Prefix + "dead:ids" }

// CancelledJobs has the jobs that a person has cancelled.
func (k Keys) CancelledJobs() string { return k.Prefix + "cancelled:jobs" }

// CancelledIDs has the entry of each of them.
func (k Keys) CancelledIDs() string { return k.Prefix + "cancelled:ids" }

// ExpiredJobs has the jobs that were not started in time.
func (k Keys) ExpiredJobs() string { return k.Prefix + "expired:jobs" }

// ExpiredIDs has the entry of each of them.
func (k Keys) ExpiredIDs() string { return k.Prefix + "expired:ids" }

// Started has the entries of jobs that expire and have started.
func (k Keys) Started() string { return k.own + "started" }

// IDs has the guards of chosen IDs, see [Guard].
func (k Keys) IDs() string { return k.Prefix + "ids" }

// IDsEnds has when the windows of those IDs are over whose jobs have ended.
func (k Keys) IDsEnds() string { return k.Prefix + "ids:ends" }

// Workers has the leases.
func (k Keys) Workers() string { return k.own + "workers" }

// Worker is the registration of a worker's session.
func (k Keys) Worker(consumer string) string { return k.own + "worker:" + consumer }

// Caretaker names the worker that does the chores.
func (k Keys) Caretaker() string { return k.own + "caretaker" }

// Crashed names the workers that died with a job.
func (k Keys) Crashed() string { return k.own + "crashed" }

// Paused has the attribution of a pause of the queue.
func (k Keys) Paused() string { return k.Prefix + "paused" }

// Cancelled has the cancellations of jobs in flight; see CancelledJobs for what becomes of them.
func (k Keys) Cancelled() string { return k.own + "cancelled" }

// Totals counts what happened to the jobs since the queue was created.
func (k Keys) Totals() string { return k.Prefix + "stats" }

// Job is what a job's handler has recorded of its progress. Workers before 0.2 kept there also what [Keys.Result] has.
func (k Keys) Job(id string) string { return k.Prefix + "job:" + id }

// Result is what is kept of a done job.
func (k Keys) Result(id string) string { return k.Prefix + "result:" + id }

// Unique holds the ID of the job that has a unique key.
func (k Keys) Unique(key string) string { return k.Prefix + "unique:" + key }

// IDMarker guarded a chosen ID in the version before: it is honoured until it expires.
func (k Keys) IDMarker(id string) string { return k.Prefix + "id:" + id }

// Cron has the queue's cron entries by name.
func (k Keys) Cron() string { return k.Prefix + "cron" }

// CronNext has when each of them is due.
func (k Keys) CronNext() string { return k.Prefix + "cron:next" }

// CronState has the next tick and the last jobs of each.
func (k Keys) CronState() string { return k.Prefix + "cron:state" }

// CronHistory has what became of an entry's last ticks.
func (k Keys) CronHistory(name string) string { return k.Prefix + "cron:history:" + name }

// Metrics counts what workers did since the queue was created, kind by kind.
func (k Keys) Metrics() string { return k.Prefix + "metrics" }

// UnknownKinds has the kinds of which jobs wait for a worker that has a handler.
func (k Keys) UnknownKinds() string { return k.Prefix + "unknown" }

// Hour counts what workers did in an hour.
func (k Keys) Hour(at time.Time) string {
	return k.Prefix + "stats:h:" + strconv.FormatInt(at.Unix()/3600, 10)
}

// Minute counts what workers did in a minute.
func (k Keys) Minute(at time.Time) string {
	return k.Prefix + "stats:" + strconv.FormatInt(at.Unix()/60, 10)
}

// ValidateNamespace refuses what would break the hash tags of keys.
func ValidateNamespace(namespace string) error {
	if namespace == "" || strings.ContainsAny(namespace, "{} \t\r\n") {
		return fmt.Errorf("namespace %q: must not be empty or contain braces or spaces", namespace)
	}
	return nil
}

// ValidateQueue refuses what would break the hash tags of keys.
func ValidateQueue(name string) error {
	if err := ValidateName(name); err != nil {
		return fmt.Errorf("queue name %q: %w", name, err)
	}
	if strings.IndexByte(name, '{') >= 0 || strings.IndexByte(name, '}') >= 0 {
		return fmt.Errorf("queue name %q: must not contain braces", name)
	}
	return nil
}

// ValidateKind refuses what no kind can be named.
func ValidateKind(kind string) error {
	if err := ValidateName(kind); err != nil {
		return fmt.Errorf("kind %q: %w", kind, err)
	}
	return nil
}

// ValidateName refuses what would make keys, entries or log lines ambiguous.
func ValidateName(name string) error {
	switch {
	case name == "":
		return errors.New("must not be empty")
	case len(name) > MaxNameLen:
		return fmt.Errorf("must not be longer than %d bytes", MaxNameLen)
	}
	for _, r := range name {
		if r <= ' ' || r >= 0x7f && (unicode.IsSpace(r) || unicode.IsControl(r)) {
			return errors.New("must not contain spaces or control characters")
		}
	}
	return nil
}

var errWorkerName = errors.New("must not begin with ~ or contain #: consumer names are made with them")

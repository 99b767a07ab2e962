package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Unique allows one job of this key within ttl, of at least a millisecond, counted from the time the job is due: a
// second call enqueues nothing and returns the first job's ID with Duplicate set. The key is set free early when the
// job is dead, deleted or cancelled; a job that was done keeps it until ttl is over, so that repeating a call is safe.
// Other scopes are [UniqueUntilEnded] and [UniqueUntilStarted]; the options say what else a second call does.
//
// Why: docs/decisions/engine.md#a-done-job-keeps-its-unique-key-until-the-ttl-ends-a-dead-or-deleted-one-gives-it-back
func Unique(key string, ttl time.Duration, opts ...UniqueOption) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if ttl < time.Millisecond {
			o.errs = append(o.errs, fmt.Errorf("unique for %s: must be at least 1ms", ttl))
		}
		o.setUnique(UniqueScope{Key: key, For: ttl}, opts)
	})
}

// UniqueUntilEnded allows one job of this key at a time: it holds the key, however long that is, until it is done,
// dead, cancelled or deleted. A retry holds it, too. A second call until then enqueues nothing and returns the first
// job's ID and State with Duplicate set, unless an option says what else it does.
//
// Why: docs/decisions/engine.md#a-unique-key-that-is-held-until-the-job-ends-is-its-jobs
func UniqueUntilEnded(key string, opts ...UniqueOption) EnqueueOption {
	return uniqueUntil(wire.UntilEnded, key, opts)
}

// UniqueUntilStarted is [UniqueUntilEnded] with a key that is set free when the job's first run starts: of jobs that
// have not started there is one, and what happens while it runs is the work of the next. The start is a round trip to
// Redis before the handler, which the starts of other slots share. A worker that dies between it and the handler has
// started the job, and a retry or a redelivery does not take the key again.
func UniqueUntilStarted(key string, opts ...UniqueOption) EnqueueOption {
	return uniqueUntil(wire.UntilStarted, key, opts)
}

func uniqueUntil(until wire.Until, key string, opts []UniqueOption) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) { o.setUnique(UniqueScope{Key: key, Until: string(until)}, opts) })
}

// UniqueScope is a unique key, how long it is held, and what a call does that finds it held.
type UniqueScope struct {
	Key      string        // "" for none
	For      time.Duration // [Unique]: from when the job is due
	Until    string        // "ended" or "started": [UniqueUntilEnded], [UniqueUntilStarted]; "" with For
	Replace  bool          // [ReplaceData]
	Debounce time.Duration // [Debounce]: the longest wait; 0 without it
	Reject   bool          // [RejectDuplicate]
}

// UniqueOption says what a call does that finds its unique key held. Without one it returns the job that holds it.
type UniqueOption interface{ applyUnique(*UniqueScope) error }

type uniqueOption func(*UniqueScope) error

func (f uniqueOption) applyUnique(s *UniqueScope) error { return f(s) }

// ReplaceData gives the job that holds the unique key the data of this call, if it is of the same kind and has not
// started: it is delayed, or waits. Its ID, its due time and its other options stay; one that waits goes to the end of
// its queue. The call returns the job with Duplicate and Changed set. A job that runs, is held by a worker for a slot,
// or is retrying is left as it is: Changed is false then, and State says why. A job that waits and was enqueued with
// [Unique] alone is left, too.
func ReplaceData() UniqueOption {
	return uniqueOption(func(s *UniqueScope) error { s.Replace = true; return nil })
}

// Debounce puts the job that holds the unique key off until this call's would be due, so that it runs when no call has
// come for a while: every call has [In] or [At]. It is put off until longest after the first call at the most, as that
// call said, and never brought forward. It works while the job is delayed, and on one that was enqueued with Debounce:
// others are left as they are. The call returns the job with Duplicate and, if it was put off, Changed and its Due.
// Together with [ReplaceData] it runs with the data of the last call.
func Debounce(longest time.Duration) UniqueOption {
	return uniqueOption(func(s *UniqueScope) error {
		if longest < time.Millisecond {
			return fmt.Errorf("debounce for %s at the most: must be at least 1ms", longest)
		}
		s.Debounce = longest
		return nil
	})
}

// RejectDuplicate makes the call fail with [ErrDuplicate], together with the job that holds the unique key.
func RejectDuplicate() UniqueOption {
	return uniqueOption(func(s *UniqueScope) error { s.Reject = true; return nil })
}

func (o *enqueueOptions) setUnique(s UniqueScope, opts []UniqueOption) {
	if err := wire.ValidateName(s.Key); err != nil {
		o.errs = append(o.errs, fmt.Errorf("unique key %q: %w", s.Key, err))
	}
	for _, opt := range opts {
		if opt == nil {
			o.errs = append(o.errs, errors.New("an option of the unique key is nil"))
		} else if err := opt.applyUnique(&s); err != nil {
			o.errs = append(o.errs, err)
		}
	}
	if s.Reject && (s.Replace || s.Debounce > 0) {
		o.errs = append(o.errs, errors.New("RejectDuplicate excludes ReplaceData and Debounce"))
	}
	o.unique = s
}

// isTracked reports whether the job has a guard by its ID, which says where it is.
func (s *UniqueScope) isTracked() bool { return s.Until != "" || s.changes() }

// changes reports whether a call may change the job that holds its key.
func (s *UniqueScope) changes() bool { return s.Replace || s.Debounce > 0 }

package cache

import "time"

// Bounds of the errors that are kept.
const (
	maxErrorTTL = time.Minute
	maxFailures = 10_000 // in a process
)

// failure is the error of a load, kept for a moment by [ErrorTTL].
type failure struct {
	err   error
	until time.Time
}

// failure returns the error that is kept of the last load of that name, or nil.
func (f *flights) failure(name string, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.failed[name]
	if kept.err != nil && !now.Before(kept.until) {
		delete(f.failed, name)
		return nil
	}
	return kept.err
}

// fail keeps an error, if there is room.
func (f *flights) fail(name string, err error, now, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failed) >= maxFailures {
		for other, kept := range f.failed {
			if !now.Before(kept.until) {
				delete(f.failed, other)
			}
		}
	}
	if len(f.failed) < maxFailures {
		f.failed[name] = failure{err, until}
	}
}

// succeed forgets the error of a name.
func (f *flights) succeed(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.failed, name)
}

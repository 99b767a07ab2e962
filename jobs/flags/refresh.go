package flags

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"
)

const (
	poll      = time.Second            // how often it is looked whether all flags are to be read again
	retryRead = 200 * time.Millisecond // after a reading that failed
	readLimit = 10 * time.Second       // for one reading
)

func (w *Watcher) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// refresh reads what is wanted, one reading at a time, so that an older one never replaces a newer one.
func (w *Watcher) refresh() {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	w.poke()
	for lastAll := time.Now(); ; {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
			w.mu.Lock()
			if w.refused || time.Since(lastAll) >= w.cfg.Refresh {
				w.all, lastAll = true, time.Now()
			}
			w.mu.Unlock()
		case <-w.wake:
		}
		changed := w.read()
		if len(changed) > 0 && w.cfg.OnChange != nil {
			isolate(func() { w.cfg.OnChange(changed) })
		}
		w.publish()
	}
}

// read reads what is wanted into the copy, and returns the flags that have changed.
func (w *Watcher) read() (changed []string) {
	names, all, connected := w.take()
	if !all && len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, readLimit)
	defer cancel()
	var err error
	if all {
		names, err = w.everyName(ctx, names)
	}
	var loaded map[string]copied
	if err == nil {
		loaded, err = load(ctx, w.store.rdb, names, maxUsers)
	}
	var segments map[string]Segment
	if err == nil && all {
		segments, err = w.store.Segments(ctx)
	}
	changed = w.put(loaded, names, all, connected, err)
	if err == nil && all {
		changed = w.putSegments(segments, changed)
	}
	if err == nil && !all {
		w.adopt(ctx, loaded)
	}
	return changed
}

// take returns what is wanted, and whether every server's changes are received from here on.
func (w *Watcher) take() (names []string, all, connected bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	names, all = slices.Collect(maps.Keys(w.wanted)), w.all
	w.wanted, w.all = map[string]struct{}{}, false
	return names, all, len(w.down) == 0
}

// everyName is all that is listed and all that the copy has.
func (w *Watcher) everyName(ctx context.Context, wanted []string) ([]string, error) {
	names := map[string]struct{}{}
	for _, name := range wanted {
		names[name] = struct{}{}
	}
	w.mu.RLock()
	for name := range w.flags {
		names[name] = struct{}{}
	}
	w.mu.RUnlock()
	for after, more := "", true; more && len(names) < maxFlags; {
		page, err := w.store.names(ctx, after, MaxPage)
		if err != nil {
			return nil, err
		}
		for _, name := range page {
			names[name] = struct{}{}
			after = name
		}
		more = len(page) == MaxPage
	}
	return slices.Collect(maps.Keys(names)), nil
}

// put brings the copy up to date, or notes what failed and has it tried again.
func (w *Watcher) put(loaded map[string]copied, names []string, all, connected bool, err error) (changed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { close(w.round); w.round = make(chan struct{}) }()
	w.readErr = err
	if err != nil {
		w.fresh = false
		w.all = true // the changes that were notified are among them
		time.AfterFunc(retryRead, w.poke)
		return nil
	}
	for _, name := range names {
		before, after := w.flags[name], loaded[name]
		if !before.equal(after) {
			changed = append(changed, name)
		}
		w.flags[name] = after
		if all && !after.known {
			delete(w.flags, name) // whoever looks for it has it read again
		}
	}
	if all {
		w.fresh = w.fresh || connected && !w.all // a server that was lost meanwhile and is back wants all again
	}
	return changed
}

// putSegments brings the segments up to date, and adds the flags that they change.
func (w *Watcher) putSegments(segments map[string]Segment, changed []string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(segments)+len(w.segments) == 0 || reflect.DeepEqual(segments, w.segments) {
		return changed
	}
	w.segments = segments
	for name, c := range w.flags {
		if c.rules.usesSegments() && !slices.Contains(changed, name) {
			changed = append(changed, name)
		}
	}
	return changed
}

// adopt lists flags that another program set. It is a courtesy to the watchers that begin later, and is tried again
// when the flag changes again.
func (w *Watcher) adopt(ctx context.Context, loaded map[string]copied) {
	for name, c := range loaded {
		if c.known && !c.indexed {
			_, _ = w.store.adopt(ctx, name)
		}
	}
}

// publish brings the status up to date and passes it to OnStatus.
func (w *Watcher) publish() {
	w.mu.Lock()
	status := Status{Ready: w.status.Ready || w.fresh, Stale: !w.fresh, Err: w.readErr, Since: w.status.Since}
	for _, err := range w.down {
		status.Err = errors.Join(status.Err, err)
	}
	if !status.Stale {
		status.Err = nil
	}
	known := status.Ready == w.status.Ready && status.Stale == w.status.Stale
	if !known {
		status.Since = time.Now()
	}
	first := status.Ready && !w.status.Ready
	w.status = status
	w.mu.Unlock()
	if first {
		close(w.ready)
	}
	if !known && w.cfg.OnStatus != nil {
		isolate(func() { w.cfg.OnStatus(status) })
	}
}

// isolate calls a function of the application on a goroutine of its own, and waits for it: it may panic, or end that.
func isolate(call func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }()
		call()
	}()
	<-ended
}

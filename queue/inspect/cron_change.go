package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// AddCron adds a cron entry, in the name of the person of [WithActor]. [ErrCronExists] if there is one of that name,
// [ErrBadCron] if it cannot be one. Workers enqueue its jobs that have CronConfig.Parse; the queue need not have been
// used before.
func (i *Inspector) AddCron(ctx context.Context, queue, name string, s CronSettings) (CronEntry, error) {
	err := errors.Join(wire.ValidateCronName(name), s.validate())
	if err != nil {
		return CronEntry{}, cronError("add", queue, name, fmt.Errorf("%w: %w", ErrBadCron, err))
	}
	q, known, err := i.registry.Lookup(ctx, queue)
	switch {
	case err != nil:
		return CronEntry{}, cronError("add", queue, name, err)
	case q.Raw:
		return CronEntry{}, cronError("add", queue, name, fmt.Errorf("%w: the queue is a raw stream", ErrBadCron))
	case known:
	default:
		if err := wire.ValidateQueue(queue); err != nil {
			return CronEntry{}, cronError("add", queue, name, fmt.Errorf("%w: %w", ErrBadCron, err))
		}
		if err := i.registry.AddQueues(ctx, queue); err != nil {
			return CronEntry{}, cronError("add", queue, name, err)
		}
	}
	return i.changeCron(ctx, "add", queue, name, func(e *wire.CronEntry, is bool) error {
		if is {
			return ErrCronExists
		}
		s.applyTo(e)
		e.Edited = wire.NewCronPerson(i.attribution(ctx))
		return nil
	})
}

// EditCron changes a cron entry: edit gets what it is and makes it what it is to be. What code declares does not count
// for it any more. If its spec changes, its next tick is the first from now on. [ErrNoCron], [ErrBadCron].
func (i *Inspector) EditCron(ctx context.Context, queue, name string, edit func(*CronSettings)) (CronEntry, error) {
	return i.changeKnownCron(ctx, "edit", queue, name, func(e *wire.CronEntry) error {
		s := settingsOf(e)
		edit(&s)
		if err := s.validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrBadCron, err)
		}
		s.applyTo(e)
		e.Edited = wire.NewCronPerson(i.attribution(ctx))
		return nil
	})
}

// PauseCron stops a cron entry from enqueueing, whatever code declares. Ticks that pass meanwhile are not made up for.
// One that is paused already stays so, as of the first call. [ErrNoCron].
func (i *Inspector) PauseCron(ctx context.Context, queue, name string) (CronEntry, error) {
	return i.changeKnownCron(ctx, "pause", queue, name, func(e *wire.CronEntry) error {
		if e.Paused == nil {
			e.Paused = wire.NewCronPerson(i.attribution(ctx))
		}
		return nil
	})
}

// ResumeCron lets a paused cron entry go on, with the first tick from now on. [ErrNoCron].
func (i *Inspector) ResumeCron(ctx context.Context, queue, name string) (CronEntry, error) {
	return i.changeKnownCron(ctx, "resume", queue, name, func(e *wire.CronEntry) error {
		e.Paused = nil
		return nil
	})
}

// DeleteCron deletes a cron entry with its history. Its jobs stay. One that code declares is there again when a worker
// starts: pause it instead. [ErrNoCron].
func (i *Inspector) DeleteCron(ctx context.Context, queue, name string) error {
	err := i.retryCron(ctx, queue, func(q *wire.QueueRef) error {
		before, err := i.readKnownCron(ctx, q, name)
		if err != nil {
			return err
		}
		return wire.SetCron(ctx, i.rdb, q, &wire.CronChange{Name: name, Before: before})
	})
	if err != nil {
		return cronError("delete", queue, name, err)
	}
	return nil
}

// RunCron enqueues a job of a cron entry now, beside its ticks, also if the entry is paused. It returns the job's ID.
// [ErrNoCron].
func (i *Inspector) RunCron(ctx context.Context, queue, name string) (id string, err error) {
	err = i.retryCron(ctx, queue, func(q *wire.QueueRef) error {
		before, err := i.readKnownCron(ctx, q, name)
		if err != nil {
			return err
		}
		e, err := wire.DecodeCronEntry(before)
		if err != nil {
			return err
		}
		id, err = wire.RunCron(ctx, i.rdb, q, name, before, &e, i.now())
		return err
	})
	if err != nil {
		return "", cronError("run", queue, name, err)
	}
	return id, nil
}

// readKnownCron returns an entry as it is in Redis.
func (i *Inspector) readKnownCron(ctx context.Context, q *wire.QueueRef, name string) (string, error) {
	text, err := wire.ReadCron(ctx, i.rdb, q, name)
	if err == nil && text == "" {
		err = ErrNoCron
	}
	return text, err
}

// changeKnownCron is changeCron for an entry that must be there.
func (i *Inspector) changeKnownCron(
	ctx context.Context, doing, queue, name string, change func(e *wire.CronEntry) error,
) (CronEntry, error) {
	return i.changeCron(ctx, doing, queue, name, func(e *wire.CronEntry, is bool) error {
		if !is {
			return ErrNoCron
		}
		return change(e)
	})
}

// changeCron makes an entry another one, and returns it as it is then.
func (i *Inspector) changeCron(
	ctx context.Context, doing, queue, name string, change func(e *wire.CronEntry, is bool) error,
) (CronEntry, error) {
	err := i.retryCron(ctx, queue, func(q *wire.QueueRef) error { return i.changeCronOnce(ctx, q, name, change) })
	if err != nil {
		return CronEntry{}, cronError(doing, queue, name, err)
	}
	return i.Cron(ctx, queue, name)
}

// retryCron does something to an entry of a queue, again if somebody has changed the entry meanwhile.
func (i *Inspector) retryCron(ctx context.Context, queue string, do func(q *wire.QueueRef) error) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if err = do(q); !errors.Is(err, wire.ErrCronChanged) || try == 10 {
			return err
		}
	}
}

func (i *Inspector) changeCronOnce(
	ctx context.Context, q *wire.QueueRef, name string, change func(e *wire.CronEntry, is bool) error,
) error {
	before, err := wire.ReadCron(ctx, i.rdb, q, name)
	if err != nil {
		return err
	}
	var e wire.CronEntry
	if before != "" {
		if e, err = wire.DecodeCronEntry(before); err != nil {
			return err
		}
	}
	was := e
	if err := change(&e, before != ""); err != nil {
		return err
	}
	c := wire.CronChange{Name: name, Before: before, Reset: e.Spec != was.Spec || (e.Paused == nil) != (was.Paused == nil)}
	if c.Reset && e.Paused == nil {
		if c.Next, err = i.firstTick(ctx, e.Spec); err != nil {
			return err
		}
		c.Due = c.Next
	}
	if c.After, err = e.Encode(); err != nil || c.After == before {
		return err
	}
	return wire.SetCron(ctx, i.rdb, q, &c)
}

// firstTick is the first tick of a spec from now on.
func (i *Inspector) firstTick(ctx context.Context, spec string) (time.Time, error) {
	next, err := cron.Parse(spec)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrBadCron, err)
	}
	now, err := i.rdb.Time(ctx).Result()
	return next(now), err
}

func settingsOf(e *wire.CronEntry) CronSettings {
	return CronSettings{
		Spec: e.Spec, Kind: e.Kind, Data: e.Data, CatchUp: e.CatchUp, Overlap: cmp.Or(e.Overlap, overlapAllow),
		Jitter: e.JitterFor(),
	}
}

func (s *CronSettings) applyTo(e *wire.CronEntry) {
	e.Spec, e.Kind, e.Data, e.CatchUp, e.Jitter = s.Spec, s.Kind, s.Data, s.CatchUp, s.Jitter.Milliseconds()
	if e.Overlap = s.Overlap; s.Overlap == overlapAllow {
		e.Overlap = wire.OverlapAllow
	}
}

// validate says what is wrong with settings.
func (s *CronSettings) validate() error {
	_, err := cron.Parse(s.Spec)
	errs := []error{err, wire.ValidateKind(s.Kind)}
	if !json.Valid(s.Data) {
		errs = append(errs, errors.New("data is not valid JSON"))
	}
	if len(s.Data) > wire.MaxCronData {
		errs = append(errs, fmt.Errorf("data has %d bytes, the limit is %d", len(s.Data), wire.MaxCronData))
	}
	if s.CatchUp < 0 || s.CatchUp > wire.MaxCronCatchUp {
		errs = append(errs, fmt.Errorf("catch up %d ticks: must be 0 to %d", s.CatchUp, wire.MaxCronCatchUp))
	}
	switch s.Overlap {
	case "", overlapAllow, wire.OverlapSkip, wire.OverlapQueue:
	default:
		errs = append(errs, fmt.Errorf("overlap %q: must be %s, %s or %s", s.Overlap, overlapAllow, wire.OverlapSkip,
			wire.OverlapQueue))
	}
	if s.Jitter < 0 || s.Jitter > wire.MaxCronJitter {
		errs = append(errs, fmt.Errorf("jitter %s: must be 0 to %s", s.Jitter, wire.MaxCronJitter))
	}
	return errors.Join(errs...)
}

package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// declareCrons writes the entries that this worker declares, once. What it finds was written by the same code, by
// another version of it, or by a person.
func (s *subscription) declareCrons(ctx context.Context) error {
	if s.declared.Load() {
		return nil
	}
	const tries = 10 // others declare them too
	for _, cron := range s.declares {
		err := wire.ErrCronChanged
		for try := 0; try < tries && errors.Is(err, wire.ErrCronChanged); try++ {
			err = s.declareCron(ctx, cron)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", cron.name, err)
		}
	}
	s.declared.Store(true)
	return nil
}

func (s *subscription) declareCron(ctx context.Context, cron declaredCron) error {
	before, err := wire.ReadCron(ctx, s.w.rdb, &s.queue, cron.name)
	if err != nil {
		return err
	}
	there, damaged := wire.DecodeCronEntry(before)
	isNew := before == "" || damaged != nil
	entry := cron.entry
	if !isNew {
		if there.Edited != nil || there.Version > entry.Version {
			return nil
		}
		entry.Paused = there.Paused
	}
	c := wire.CronChange{Name: cron.name, Before: before, Reset: isNew || there.Spec != entry.Spec}
	if c.After, err = entry.Encode(); err != nil || c.After == before {
		return err
	}
	if c.Reset && entry.Paused == nil {
		next, err := s.w.cfg.Cron.Parse(entry.Spec)
		if err != nil {
			return err
		}
		c.Next = next(s.now())
		c.Due = s.w.cronDue(c.Next, &entry)
	}
	return wire.SetCron(ctx, s.w.rdb, &s.queue, &c)
}

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	fullFor   = 4 * time.Second
	fullBy    = 256 << 10 // bytes that it must free before it takes a job
	fullMost  = 2 << 20   // bytes that a full Redis may grow by: connections and the log of slow commands take memory, too
	clockBack = -time.Hour
)

// full sets Redis' limit to less than it uses.
func (w *sentinelWorld) full(ctx context.Context, s *step) error {
	master, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.refuses = true
	used, counted, err := usedMemory(ctx, master)
	if err != nil {
		return err
	}
	if err := command(ctx, master, "CONFIG", "SET", "maxmemory", counted-fullBy); err != nil {
		return err
	}
	most := used
	for range int(fullFor / instant) {
		pause.For(ctx, instant)
		grown, _, err := usedMemory(ctx, master)
		if err != nil {
			return err
		}
		most = max(most, grown)
	}
	s.note = fmt.Sprintf("grew by %d KiB", (most-used)>>10)
	s.grown = most - used
	if err := command(ctx, master, "CONFIG", "SET", "maxmemory", "0"); err != nil {
		return err
	}
	s.promoted = now()
	pause.For(ctx, settle)
	return nil
}

// usedMemory is what a server uses, and what of that counts for its limit: buffers for replicas do not.
func usedMemory(ctx context.Context, server *redistest.Server) (used, counted int64, err error) {
	rdb := server.Open()
	defer rdb.Close()
	memory, err := rdb.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, 0, err
	}
	used, err = strconv.ParseInt(memory["Memory"]["used_memory"], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("%s does not report its memory: %w", server.Addr, err)
	}
	apart, err := strconv.ParseInt(memory["Memory"]["mem_not_counted_for_evict"], 10, 64)
	return used, used - apart, err
}

// clock steps the master's clock under load.
func (w *sentinelWorld) clock(ctx context.Context, s *step, ahead time.Duration) error {
	master, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.clock = true
	if err := master.StepClock(ahead); err != nil {
		return err
	}
	pause.For(ctx, settle)
	return nil
}

// clockWithoutWorkers sets the clock back between the end of all workers and the start of others.
func (w *sentinelWorld) clockWithoutWorkers(ctx context.Context, s *step) error {
	master, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.clock = true
	if err := w.fleet.stop(ctx); err != nil {
		return err
	}
	if err := master.StepClock(clockBack); err != nil {
		return err
	}
	if err := w.fleet.start(ctx); err != nil {
		return err
	}
	s.promoted = now()
	pause.For(ctx, settle)
	return nil
}

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pace"
)

const (
	fullFor   = 4 * time.Second
	fullMost  = 2 << 20 // bytes that a full Redis may grow by: connections and the log of slow commands take memory, too
	clockBack = -time.Hour
)

// full sets Redis' limit to what it uses.
func (w *sentinelWorld) full(ctx context.Context, s *step) error {
	master, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.refuses = true
	used, err := usedMemory(ctx, master)
	if err != nil {
		return err
	}
	if err := command(ctx, master, "CONFIG", "SET", "maxmemory", used); err != nil {
		return err
	}
	most := used
	for range int(fullFor / instant) {
		pace.Pause(ctx, instant)
		grown, err := usedMemory(ctx, master)
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
	pace.Pause(ctx, settle)
	return nil
}

func usedMemory(ctx context.Context, server *redistest.Server) (int64, error) {
	rdb := server.Open()
	defer rdb.Close()
	text, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); is {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("%s does not report its memory", server.Addr)
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
	pace.Pause(ctx, settle)
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
	pace.Pause(ctx, settle)
	return nil
}

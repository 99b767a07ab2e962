package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// probe watches what Redis does for others.
type probe struct{ rdb *redis.Client }

// reset forgets what was done before.
func (p probe) reset(ctx context.Context) error {
	pipe := p.rdb.Pipeline()
	pipe.ConfigSet(ctx, "slowlog-log-slower-than", strconv.FormatInt(slowFrom.Microseconds(), 10))
	pipe.ConfigSet(ctx, "slowlog-max-len", "10000")
	pipe.Do(ctx, "SLOWLOG", "RESET")
	pipe.ConfigResetStat(ctx)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("scale: reset the slow log: %w", err)
	}
	return nil
}

// cpu is the time that the thread which runs the commands has used.
func (p probe) cpu(ctx context.Context) (time.Duration, error) {
	text, err := p.rdb.Info(ctx, "cpu").Result()
	if err != nil {
		return 0, fmt.Errorf("scale: read the CPU time: %w", err)
	}
	sum := 0.0
	for _, name := range []string{"used_cpu_user_main_thread", "used_cpu_sys_main_thread"} {
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, name+":"); ok {
				n, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
				sum += n
			}
		}
	}
	if sum == 0 {
		return 0, fmt.Errorf("scale: %s does not show its main thread's CPU time", strings.SplitN(text, "\n", 2)[0])
	}
	return time.Duration(sum * float64(time.Second)), nil
}

// idle is the share of a CPU that Redis uses while nobody asks anything.
func (p probe) idle(ctx context.Context, d time.Duration) (float64, error) {
	before, err := p.cpu(ctx)
	if err != nil {
		return 0, err
	}
	if err := wait(ctx, d); err != nil {
		return 0, err
	}
	after, err := p.cpu(ctx)
	return float64(after-before) / float64(d), err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

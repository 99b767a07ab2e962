package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// slowFrom is how long a single command may take Redis.
const slowFrom = time.Millisecond

// probe watches what Redis does for others.
type probe struct{ rdb *redis.Client }

// slow is a command that took too long.
type slow struct {
	took time.Duration
	text string
}

// reset forgets what was slow before.
func (p probe) reset(ctx context.Context) error {
	pipe := p.rdb.Pipeline()
	pipe.ConfigSet(ctx, "slowlog-log-slower-than", strconv.FormatInt(slowFrom.Microseconds(), 10))
	pipe.ConfigSet(ctx, "slowlog-max-len", "1000")
	pipe.Do(ctx, "SLOWLOG", "RESET")
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("scale: reset the slow log: %w", err)
	}
	return nil
}

// slowest returns what took too long since reset, the slowest first. What the probe itself asks is left out.
func (p probe) slowest(ctx context.Context) ([]slow, error) {
	entries, err := p.rdb.SlowLogGet(ctx, 1000).Result()
	if err != nil {
		return nil, fmt.Errorf("scale: read the slow log: %w", err)
	}
	var all []slow
	for _, e := range entries {
		if name := strings.ToLower(e.Args[0]); name == "config" || name == "slowlog" {
			continue
		}
		all = append(all, slow{e.Duration, brief(e.Args)})
	}
	slices.SortFunc(all, func(a, b slow) int { return int(b.took - a.took) })
	return all, nil
}

// brief is a command without most of its arguments.
func brief(args []string) string {
	parts := make([]string, 0, 8)
	for _, arg := range args[:min(len(args), 7)] {
		parts = append(parts, arg[:min(len(arg), 40)])
	}
	if len(args) > 7 {
		parts = append(parts, fmt.Sprintf("… (%d arguments)", len(args)))
	}
	return strings.Join(parts, " ")
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
		return 0, fmt.Errorf("scale: %s does not tell its main thread's CPU time", strings.SplitN(text, "\n", 2)[0])
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

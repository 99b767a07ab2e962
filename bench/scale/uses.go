package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// slowFrom is how long a single command may take Redis.
const slowFrom = time.Millisecond

// slowShare is how many of a command's calls may take slowFrom or more: on a machine that does other things, a command
// of microseconds is kept waiting now and then. What is slow by itself is slow each time.
const slowShare = 0.01

// use is how often a command was run, and how long.
type use struct {
	name  string
	calls int64
	took  time.Duration // of all calls
	slow  int           // calls that took slowFrom or more
	worst time.Duration
	text  string // of the worst
}

// tooSlow distinguishes a command that is slow by itself from one that was kept waiting.
func (u use) tooSlow() bool {
	return u.slow > 3 && float64(u.slow) > slowShare*float64(u.calls) || u.calls > 0 &&
		u.took/time.Duration(u.calls) >= slowFrom
}

// uses returns what was done since reset, what took longest in all first. What the probe itself asks is left out.
func (p probe) uses(ctx context.Context) ([]use, error) {
	entries, err := p.rdb.SlowLogGet(ctx, 10_000).Result()
	if err != nil {
		return nil, fmt.Errorf("scale: read the slow log: %w", err)
	}
	text, err := p.rdb.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, fmt.Errorf("scale: read what was done: %w", err)
	}
	byName := map[string]*use{}
	for line := range strings.Lines(text) {
		if u, ok := readUse(line); ok {
			byName[u.name] = &u
		}
	}
	for _, e := range entries {
		u := byName[nameOf(e.Args)]
		if u == nil {
			continue
		}
		u.slow++
		if e.Duration > u.worst {
			u.worst, u.text = e.Duration, brief(e.Args)
		}
	}
	all := make([]use, 0, len(byName))
	for _, u := range byName {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b use) int { return int(b.took - a.took) })
	return all, nil
}

// readUse reads a line such as cmdstat_xinfo|groups:calls=3,usec=21,….
func readUse(line string) (use, bool) {
	name, fields, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "cmdstat_")), ":")
	var calls, micros int64
	n, _ := fmt.Sscanf(fields, "calls=%d,usec=%d", &calls, &micros)
	switch name, _, _ := strings.Cut(name, "|"); name {
	case "config", "slowlog":
		return use{}, false
	}
	return use{name: name, calls: calls, took: time.Duration(micros) * time.Microsecond}, n == 2
}

// nameOf is a command's name as the statistics have it.
func nameOf(args []string) string {
	name := strings.ToLower(args[0])
	if len(args) > 1 && (name == "xinfo" || name == "memory" || name == "xgroup" || name == "client") {
		name += "|" + strings.ToLower(args[1])
	}
	return name
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

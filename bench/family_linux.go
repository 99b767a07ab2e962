package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// familyCPU is the processor time of a process and its children, of those that have ended too.
func familyCPU(pid int) (time.Duration, error) {
	parent, err := readProcess(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	total := parent.own + parent.ended
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, stat := range stats {
		child, err := readProcess(stat)
		if err == nil && child.parent == pid { // one that has ended meanwhile counts as the parent's
			total += child.own + child.ended
		}
	}
	return total, nil
}

type process struct {
	parent int
	own    time.Duration
	ended  time.Duration // of its children that were waited for
}

// readProcess reads a file stat of /proc: see proc_pid_stat(5).
func readProcess(path string) (process, error) {
	const parentAt, userAt, systemAt, endedUserAt, endedSystemAt = 1, 11, 12, 13, 14 // behind the name
	text, err := os.ReadFile(path)
	if err != nil {
		return process{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= endedSystemAt {
		return process{}, fmt.Errorf("bench: %s has %d fields", path, len(fields))
	}
	number := func(at int) int {
		n, _ := strconv.Atoi(fields[at])
		return n
	}
	return process{
		parent: number(parentAt),
		own:    time.Duration(number(userAt)+number(systemAt)) * clockTick,
		ended:  time.Duration(number(endedUserAt)+number(endedSystemAt)) * clockTick,
	}, nil
}

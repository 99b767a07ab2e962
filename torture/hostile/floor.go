package main

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// spinFor is how long all processors are asked for.
const spinFor = 400 * time.Millisecond

// share is how much of the processors this program gets when it asks for all of them: 1 where nothing else runs.
func share() float64 {
	before, began := spent(), time.Now()
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(began) < spinFor {
			}
		})
	}
	all.Wait()
	return float64(spent()-before) / float64(time.Since(began)) / float64(runtime.NumCPU())
}

// spent is the time that processors have spent on this program.
func spent() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// slowness is how many times slower this machine is now than that which the bound was set on, by how long honest
// requests take alone, and by what is left of its processors. It is never below 1.
func (s *stage) slowness() float64 {
	took, got := 0.0, 0.0
	for _, h := range s.honest {
		took += float64(quantile(h.took[alone], 50)) / float64(h.usual) / float64(len(s.honest))
	}
	for _, one := range s.shares {
		got += one / float64(len(s.shares))
	}
	return max(1, took, 1/max(got, 0.01))
}

package queue

import (
	"runtime"
	"testing"
)

// Not parallel: it counts the allocations of the whole process.
func TestAReadAllocatesLittleForEachJob(t *testing.T) {
	e := newEngine(t)
	const jobs = 400
	var memory readMemory
	least := float64(jobs)
	for range 3 {
		e.enqueue(jobs)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tasks, _, err := e.readOnce(&memory, jobs, true)
		runtime.ReadMemStats(&after)
		e.must(err)
		if len(tasks) != jobs {
			t.Fatalf("%d jobs were delivered, want %d", len(tasks), jobs)
		}
		least = min(least, float64(after.Mallocs-before.Mallocs)/jobs)
	}
	if least > 0.5 {
		t.Errorf("%.2f allocations for each job", least)
	}
}

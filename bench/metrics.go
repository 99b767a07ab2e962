package main

import (
	"fmt"
	"slices"
)

// metric is one figure of a contestant.
type metric struct {
	name, unit, label string
}

// loadRates are the jobs a second of the open loop.
var loadRates = []int{1_000, 10_000, 50_000}

// metrics are all figures in the order of the report.
var metrics = slices.Concat(
	rateMetrics("enqueue", "enqueue"),
	[]metric{{"enqueue_1", "jobs/s", "enqueue, 1 caller"}, {"enqueue_16", "jobs/s", "enqueue, 16 callers"}},
	rateMetrics("bulk", "enqueue in bulk"),
	rateMetrics("drain", "drain"),
	[]metric{{"cpu", "µs/job", "store's CPU, enqueue and drain"}, {"memory", "bytes/job", "memory per waiting job"}},
	latencyMetrics("latency", "idle → start"),
	loadMetrics(),
)

// rateMetrics are those of spent.perJob.
func rateMetrics(name, label string) []metric {
	return []metric{
		{name, "jobs/s", label + " rate"},
		{name + "_cpu", "µs/job", "store's CPU, " + label},
		{name + "_commands", "1/job", "store's commands, " + label},
		{name + "_client_cpu", "µs/job", "client's CPU, " + label},
		{name + "_allocations", "1/job", "client's allocations, " + label},
		{name + "_allocated", "bytes/job", "client's allocated bytes, " + label},
	}
}

func latencyMetrics(name, label string) []metric {
	return []metric{
		{name, "µs", label + ", median"},
		{name + "_p99", "µs", label + ", 99 %"},
		{name + "_p999", "µs", label + ", 99.9 %"},
	}
}

func loadMetrics() (all []metric) {
	for _, rate := range loadRates {
		all = append(all, latencyMetrics(loadMetric(rate), fmt.Sprintf("due → start at %d/s", rate))...)
	}
	return all
}

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what came of it.
type report struct {
	Held     bool            `json:"held"`
	Slowness float64         `json:"slowness"` // of this machine, now; 1 for that which the bound was set on, or less
	MostP99  time.Duration   `json:"most_p99_ns"`
	Programs []programReport `json:"programs"`
	Redis    time.Duration   `json:"redis_cpu_ns"`
	Own      time.Duration   `json:"own_cpu_ns"`
	Honest   []honestReport  `json:"honest"`
	Attacks  []attackReport  `json:"attacks"`
}

type programReport struct {
	Name string        `json:"name"`
	Peak int64         `json:"peak_bytes"`
	CPU  time.Duration `json:"cpu_ns"`
	Runs bool          `json:"runs"` // still: it has not restarted
	Held bool          `json:"held"`
}

type honestReport struct {
	Name    string        `json:"name"`
	Asked   int           `json:"asked"` // while others attack
	Refused int           `json:"refused"`
	Last    string        `json:"last_refusal,omitempty"`
	Alone50 time.Duration `json:"p50_alone_ns"`
	Alone   time.Duration `json:"p99_alone_ns"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
	Ratio   float64       `json:"ratio"` // of the medians
	Held    bool          `json:"held"`
}

type attackReport struct {
	Name    string        `json:"name"`
	Done    int64         `json:"done"`
	Refused int64         `json:"refused"`
	Failed  int64         `json:"failed"`
	P50     time.Duration `json:"p50_ns"`
}

func (s *stage) report() *report {
	r := &report{Held: true, Slowness: s.slowness(), Redis: s.redisCPU(), Own: spent()}
	r.MostP99 = time.Duration(float64(mostP99) * r.Slowness)
	for _, p := range []*program{s.gateway, s.monitor} {
		one := programReport{Name: p.name, Peak: p.peak(), CPU: p.cpu(), Runs: p.runs()}
		one.Held = one.Runs && one.Peak > 0 && one.Peak <= mostMemory
		r.Held = r.Held && one.Held
		r.Programs = append(r.Programs, one)
	}
	for _, h := range s.honest {
		took, quiet := h.took[attacked], h.took[alone]
		one := honestReport{Name: h.name, Asked: len(took), Refused: h.refused, Last: h.last}
		one.Alone50, one.Alone = quantile(quiet, 50), quantile(quiet, 99)
		one.P50, one.P99 = quantile(took, 50), quantile(took, 99)
		one.Ratio = float64(one.P50) / float64(max(one.Alone50, 1))
		one.Held = one.Asked > 0 && len(quiet) > 0 && one.Refused == 0 && one.P99 <= r.MostP99
		r.Held = r.Held && one.Held
		r.Honest = append(r.Honest, one)
	}
	for _, name := range slices.Sorted(maps.Keys(s.attacked)) {
		c := s.attacked[name]
		one := attackReport{name, c.done.Load(), c.refused.Load(), c.failed.Load(), quantile(c.took, 50)}
		r.Held = r.Held && one.Done+one.Refused > 0 // an attack that does not arrive proves nothing
		r.Attacks = append(r.Attacks, one)
	}
	return r
}

// quantile is the time within which so many in a hundred were answered.
func quantile(took []time.Duration, percent int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*percent/100]
}

func shown(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }

func (r *report) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	verdict := map[bool]string{true: "held", false: "DID NOT HOLD"}
	_, _ = fmt.Fprintf(out, "PROGRAM\tPEAK MEMORY\tAT MOST\tCPU\tRUNS\t\n")
	for _, p := range r.Programs {
		_, _ = fmt.Fprintf(out, "%s\t%d MiB\t%d MiB\t%s\t%t\t%s\n", p.Name, p.Peak>>20, mostMemory>>20,
			p.CPU.Round(100*time.Millisecond), p.Runs, verdict[p.Held])
	}
	_, _ = fmt.Fprintf(out, "redis\t\t\t%s\nattackers\t\t\t%s\n", r.Redis.Round(100*time.Millisecond),
		r.Own.Round(100*time.Millisecond))
	_, _ = fmt.Fprintf(out, "\nHONEST\tASKED\tREFUSED\tMEDIAN\tP99\tAT MOST\tMEDIAN ALONE\tP99 ALONE\tRATIO\t\n")
	for _, h := range r.Honest {
		_, _ = fmt.Fprintf(out, "%s\t%d\t%d %s\t%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", h.Name, h.Asked, h.Refused, h.Last,
			shown(h.P50), shown(h.P99), shown(r.MostP99), shown(h.Alone50), shown(h.Alone), h.Ratio, verdict[h.Held])
	}
	_, _ = fmt.Fprintf(out, "This machine is %.1f times slower now than that which %s was set on.\n", r.Slowness, mostP99)
	_, _ = fmt.Fprintf(out, "\nATTACK\tDONE\tREFUSED\tFAILED\tMEDIAN\n")
	for _, a := range r.Attacks {
		_, _ = fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%s\n", a.Name, a.Done, a.Refused, a.Failed,
			a.P50.Round(time.Millisecond))
	}
	_, _ = fmt.Fprintf(out, "\nall\t%s\n", verdict[r.Held])
	for _, fault := range r.faults() {
		_, _ = fmt.Fprintln(out, fault)
	}
	return out.Flush()
}

// faults says what did not hold, a line each: they are printed last, where who sees only the end of a log finds them.
func (r *report) faults() (all []string) {
	note := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	for _, p := range r.Programs {
		switch {
		case !p.Runs:
			note("%s has ended.", p.Name)
		case !p.Held:
			note("%s had %d MiB, %d allowed.", p.Name, p.Peak>>20, mostMemory>>20)
		}
	}
	for _, h := range r.Honest {
		switch {
		case h.Refused > 0:
			note("%s: %d honest requests refused, the last with %s.", h.Name, h.Refused, h.Last)
		case !h.Held:
			note("%s: p99 %s of %d requests, %s allowed.", h.Name, shown(h.P99), h.Asked, shown(r.MostP99))
		}
	}
	for _, a := range r.Attacks {
		if a.Done+a.Refused == 0 {
			note("%s: no attack has arrived.", a.Name)
		}
	}
	return all
}

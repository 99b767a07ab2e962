package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// metric is one line of the report.
type metric struct {
	name, unit, label string
}

var metrics = []metric{
	{"enqueue", "jobs/s", "enqueue rate"},
	{"drain", "jobs/s", "drain rate"},
	{"enqueue_cpu", "µs/job", "Redis CPU, enqueue"},
	{"drain_cpu", "µs/job", "Redis CPU, drain"},
	{"cpu", "µs/job", "Redis CPU, end to end"},
	{"latency", "µs", "idle → start, median"},
	{"latency_p99", "µs", "idle → start, 99 %"},
	{"memory", "bytes/job", "memory per waiting job"},
}

// samples holds what each contestant did in each round: metric → contestant → one figure per round.
type samples map[string]map[string][]float64

func (s samples) add(contestant string, figures map[string]float64) {
	for name, figure := range figures {
		if s[name] == nil {
			s[name] = map[string][]float64{}
		}
		s[name][contestant] = append(s[name][contestant], figure)
	}
}

// report is the outcome of a run. Ratios are against the first contestant, the floor.
type report struct {
	Server       string   `json:"server"`
	Go           string   `json:"go"`
	CPUs         int      `json:"cpus"`
	PayloadBytes int      `json:"payload_bytes"`
	Jobs         int      `json:"jobs"`
	Callers      int      `json:"callers"`
	Slots        int      `json:"slots"`
	Rounds       int      `json:"rounds"`
	Contestants  []string `json:"contestants"`
	Metrics      []result `json:"metrics"`
}

type result struct {
	Name    string             `json:"name"`
	Unit    string             `json:"unit"`
	Medians map[string]float64 `json:"medians"`
	Ratios  map[string]ratio   `json:"ratios"` // of every contestant but the floor

	label string
}

// ratio is the median of what the rounds showed, each round against the floor of the same round, with the extremes.
type ratio struct {
	Median float64 `json:"median"`
	Lowest float64 `json:"lowest"`
	Most   float64 `json:"highest"`
}

func (r *report) fill(s samples) {
	for _, m := range metrics {
		res := result{Name: m.name, Unit: m.unit, label: m.label, Medians: map[string]float64{}, Ratios: map[string]ratio{}}
		base := s[m.name][r.Contestants[0]]
		if len(base) == 0 {
			continue
		}
		for i, name := range r.Contestants {
			figures := s[m.name][name]
			res.Medians[name] = quantile(figures, 0.5)
			if i > 0 {
				res.Ratios[name] = ratioOf(figures, base)
			}
		}
		r.Metrics = append(r.Metrics, res)
	}
}

func ratioOf(figures, base []float64) ratio {
	ratios := make([]float64, len(figures))
	for i := range figures {
		ratios[i] = figures[i] / base[i]
	}
	return ratio{quantile(ratios, 0.5), slices.Min(ratios), slices.Max(ratios)}
}

func (r *report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// labelWidth keeps the first column to the left in a table whose figures are on the right.
const labelWidth = 24

func (r *report) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s, %d CPUs; %d jobs of %d bytes, %d callers, %d slots, median of %d rounds\n\n",
		r.Server, r.Go, r.CPUs, r.Jobs, r.PayloadBytes, r.Callers, r.Slots, r.Rounds)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%-*s\tunit\t", labelWidth, "")
	for i, name := range r.Contestants {
		fmt.Fprintf(table, "%s\t", name)
		if i > 0 {
			fmt.Fprint(table, "ratio\tlowest–highest\t")
		}
	}
	fmt.Fprintln(table)
	for _, res := range r.Metrics {
		fmt.Fprintf(table, "%-*s\t%s\t", labelWidth, res.label, res.Unit)
		for i, name := range r.Contestants {
			fmt.Fprintf(table, "%s\t", figure(res.Medians[name]))
			if x := res.Ratios[name]; i > 0 {
				fmt.Fprintf(table, "%.2f\t%.2f–%.2f\t", x.Median, x.Lowest, x.Most)
			}
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// quantile returns the q-th (0 to 1) of values, by nearest rank; 0 without values.
func quantile[T cmp.Ordered](values []T, q float64) T {
	var zero T
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// samples holds what each contestant did in each round: metric → contestant → one figure per round.
type samples map[string]map[string][]float64

func (s samples) add(contestant string, found figures) {
	for name, figure := range found {
		if s[name] == nil {
			s[name] = map[string][]float64{}
		}
		s[name][contestant] = append(s[name][contestant], figure)
	}
}

// report is the outcome of a run. Ratios are against the first contestant, the floor.
type report struct {
	Go          string     `json:"go"`
	CPUs        int        `json:"cpus"`
	Callers     int        `json:"callers"`
	Slots       int        `json:"slots"`
	Rounds      int        `json:"rounds"`
	Paced       float64    `json:"paced_seconds"`
	Contestants []entrant  `json:"contestants"`
	Absent      []absentee `json:"absent,omitempty"`
	Sections    []section  `json:"sections"`
}

// entrant is a contestant that was measured.
type entrant struct {
	Name   string `json:"name"`
	Store  string `json:"store"`
	Fewer  int    `json:"jobs_divided_by"`
	Remark string `json:"remark,omitempty"`
}

// absentee is a contestant that could not be measured on this machine.
type absentee struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// section has the results with one size of payload.
type section struct {
	PayloadBytes int      `json:"payload_bytes"`
	Jobs         int      `json:"jobs"`
	Metrics      []result `json:"metrics"`
}

type result struct {
	Name    string             `json:"name"`
	Unit    string             `json:"unit"`
	Label   string             `json:"label"`
	Figures map[string]summary `json:"figures"` // by contestant; without those that have none in some round
	Ratios  map[string]summary `json:"ratios"`  // to the first contestant's figure of the same round
}

// summary is what the rounds showed.
type summary struct {
	Median  float64 `json:"median"`
	Lowest  float64 `json:"lowest"`
	Highest float64 `json:"highest"`
}

func summaryOf(values []float64) summary {
	return summary{quantile(values, 0.5), slices.Min(values), slices.Max(values)}
}

// add makes a section of what was measured with one size of payload.
func (r *report) add(size, jobs int, s samples) {
	added := section{PayloadBytes: size, Jobs: jobs}
	for _, m := range metrics {
		if res := r.result(m, s[m.name]); len(res.Figures) > 0 {
			added.Metrics = append(added.Metrics, res)
		}
	}
	r.Sections = append(r.Sections, added)
}

func (r *report) result(m metric, by map[string][]float64) result {
	res := result{Name: m.name, Unit: m.unit, Label: m.label, Figures: map[string]summary{}, Ratios: map[string]summary{}}
	base := by[r.Contestants[0].Name]
	for i, c := range r.Contestants {
		values := by[c.Name]
		if len(values) == 0 || len(values) < r.Rounds { // those of the rounds that went well would flatter it
			continue
		}
		res.Figures[c.Name] = summaryOf(values)
		if i > 0 && len(base) == len(values) {
			res.Ratios[c.Name] = summaryOf(ratios(values, base))
		}
	}
	return res
}

// ratios returns each round's figure against the other contestant's of the same round.
func ratios(values, base []float64) []float64 {
	all := make([]float64, len(values))
	for i := range values {
		all[i] = values[i] / base[i]
	}
	return all
}

// write writes the report in each form that the options ask for.
func (r *report) write(opts options, out io.Writer) error {
	if opts.svg != "" {
		if err := r.plot(opts.svg); err != nil {
			return err
		}
	}
	if opts.json == "-" {
		return r.writeJSON(out)
	}
	if opts.json != "" {
		if err := r.saveJSON(opts.json); err != nil {
			return err
		}
	}
	return r.writeTable(out)
}

func (r *report) saveJSON(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return cmp.Or(r.writeJSON(file), file.Close())
}

func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "\t")
	return encoder.Encode(r)
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

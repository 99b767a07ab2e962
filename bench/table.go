package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writeTable writes a block for each metric, with a row for each contestant.
func (r *report) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d CPUs; %d callers, %d slots, median, lowest and highest of %d rounds\n",
		r.Go, r.CPUs, r.Callers, r.Slots, r.Rounds)
	for _, c := range r.Contestants {
		fmt.Fprintf(w, "  %s: %s\n", c.Name, strings.Join(c.notes(), "; "))
	}
	for _, c := range r.Absent {
		fmt.Fprintf(w, "  %s is %s\n", c.Name, c.Reason)
	}
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n%d jobs of %d bytes\n\n", s.Jobs, s.PayloadBytes)
		if err := r.writeSection(w, s); err != nil {
			return err
		}
	}
	return nil
}

func (e entrant) notes() []string {
	notes := []string{e.Store}
	if e.Fewer > 1 {
		notes = append(notes, fmt.Sprintf("1/%d of the jobs", e.Fewer))
	}
	if e.Remark != "" {
		notes = append(notes, e.Remark)
	}
	return notes
}

// labelWidth keeps the first column to the left in a table whose figures are on the right.
const labelWidth = 54

func (r *report) writeSection(w io.Writer, s section) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, res := range s.Metrics {
		fmt.Fprintf(table, "%-*s\tmedian\tlowest–highest\tratio\tlowest–highest\t\n", labelWidth, res.Label+", "+res.Unit)
		for _, c := range r.Contestants {
			fmt.Fprintf(table, "%-*s\t%s\n", labelWidth, "  "+c.Name, res.row(c.Name))
		}
	}
	return table.Flush()
}

// row has a dash for what the contestant does not have: it offers no such call, it is not counted, or the contestant
// fell behind.
func (r result) row(contestant string) string {
	value, known := r.Figures[contestant]
	if !known {
		return "–\t\t\t\t"
	}
	row := fmt.Sprintf("%s\t%s–%s\t", figure(value.Median), figure(value.Lowest), figure(value.Highest))
	if x, known := r.Ratios[contestant]; known {
		return row + fmt.Sprintf("%.2f\t%.2f–%.2f\t", x.Median, x.Lowest, x.Highest)
	}
	return row + "\t\t"
}

func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

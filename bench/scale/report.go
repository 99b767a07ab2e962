package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report writes what was measured, and remembers what missed its bound.
type report struct {
	out    io.Writer
	missed []string
}

func (r *report) miss(format string, args ...any) {
	r.missed = append(r.missed, fmt.Sprintf(format, args...))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func (r *report) table(columns string, rows func(row func(cells ...any))) {
	table := tabwriter.NewWriter(r.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, columns)
	rows(func(cells ...any) {
		for _, cell := range cells {
			fmt.Fprintf(table, "%v\t", cell)
		}
		fmt.Fprintln(table)
	})
	_ = table.Flush()
	fmt.Fprintln(r.out)
}

func (r *report) pages(visits []visit) {
	r.table("page\tmedian ms\tmax ms\tRedis ms\tKB\t", func(row func(...any)) {
		for _, v := range visits {
			most := slices.Max(v.took)
			row(v.name, ms(v.median()), ms(most), ms(v.redis/time.Duration(len(v.took))), v.bytes/1024)
			if v.median() > pageAtMost {
				r.miss("page %s took %s ms, %s at the most", v.name, ms(v.median()), pageAtMost)
			}
		}
	})
}

// slow writes what a part of the measurement had in the slow log. A command that is there often is at fault; one that
// is there once was kept waiting by the machine.
func (r *report) slow(part string, entries []slow) {
	if len(entries) == 0 {
		fmt.Fprintf(r.out, "%s: no command took Redis %s\n\n", part, slowFrom)
		return
	}
	fmt.Fprintf(r.out, "%s: %d commands took Redis %s or more\n", part, len(entries), slowFrom)
	for _, e := range entries[:min(len(entries), 8)] {
		fmt.Fprintf(r.out, "  %s ms  %s\n", ms(e.took), e.text)
	}
	fmt.Fprintln(r.out)
}

func (r *report) watched(all []watched) {
	r.table(fmt.Sprintf("open in %d browsers\tRedis CPU %%\treads\t", browsers), func(row func(...any)) {
		for _, w := range all {
			row(w.name, fmt.Sprintf("%.2f", w.cpu*100), w.reads)
			if w.cpu > cpuAtMost {
				r.miss("an open %s costs Redis %.2f %% of a CPU, %.0f %% at the most", w.name, w.cpu*100, cpuAtMost*100)
			}
		}
	})
}

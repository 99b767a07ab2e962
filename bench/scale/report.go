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
	slow   slowness // what the bounds are multiplied by
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
			if bound := time.Duration(r.slow.took * float64(pageAtMost)); v.median() > bound {
				r.miss("page %s took %s ms, %s at the most", v.name, ms(v.median()), bound.Round(time.Millisecond))
			}
		}
	})
}

// uses writes which commands a part of the measurement was: those that took longest in all, and those that were slow.
func (r *report) uses(part string, all []use) {
	r.table(part+": Redis ran\tcalls\tmean µs\t1 ms or more\tworst ms\t", func(row func(...any)) {
		for k, u := range all {
			if k < 6 || u.slow > 0 {
				row(u.name, u.calls, fmt.Sprintf("%.0f", float64(u.took.Microseconds())/float64(u.calls)), u.slow, ms(u.worst))
			}
			if u.tooSlow() {
				r.miss("%s: %d of %d calls of %s took Redis %s or more, at the worst %s ms: %s", part, u.slow, u.calls, u.name,
					slowFrom, ms(u.worst), u.text)
			}
		}
	})
}

func (r *report) watched(all []watched) {
	r.table(fmt.Sprintf("open in %d browsers\tRedis CPU %%\treads\t", browsers), func(row func(...any)) {
		for _, w := range all {
			row(w.name, fmt.Sprintf("%.2f", w.cpu*100), w.reads)
			if bound := r.slow.cpu * cpuAtMost; w.cpu > bound {
				r.miss("an open %s costs Redis %.2f %% of a CPU, %.1f %% at the most", w.name, w.cpu*100, bound*100)
			}
		}
	})
}

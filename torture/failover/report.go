package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row is what happened in a step, of all rounds together.
type row struct {
	Where       string        `json:"where"`
	Step        string        `json:"step"`
	Times       int           `json:"times"`
	Acked       int           `json:"acknowledged"`
	Lost        int           `json:"lost"`
	Durable     int           `json:"durable_acknowledged"`
	DurableLost int           `json:"durable_lost"`
	BareAcked   int           `json:"bare_acknowledged"`
	BareLost    int           `json:"bare_lost"`
	Doubled     int           `json:"doubled"`
	Redone      int           `json:"redone"`
	Redelivered int           `json:"redelivered"`
	Acks        silence       `json:"silence_of_acknowledgements"`
	Starts      silence       `json:"silence_of_starts"`
	Late        time.Duration `json:"machine_late_ns"`
	Note        string        `json:"note,omitempty"`
	Problems    []string      `json:"problems,omitempty"`

	repeated []string // some of what is redone
	offences []string
}

// add joins the same step of another round.
func (r *row) add(other *row) {
	r.Times++
	r.Acked += other.Acked
	r.Lost += other.Lost
	r.Durable += other.Durable
	r.DurableLost += other.DurableLost
	r.BareAcked += other.BareAcked
	r.BareLost += other.BareLost
	r.Doubled += other.Doubled
	r.Redone += other.Redone
	r.Redelivered += other.Redelivered
	r.Acks.add(other.Acks)
	r.Starts.add(other.Starts)
	r.Late = max(r.Late, other.Late)
	r.Problems = append(r.Problems, other.Problems...)
}

// aside is what was found in a deployment besides its steps.
type aside struct {
	Where          string        `json:"where"`
	Orders         int           `json:"orders"`
	Charged        int           `json:"charged"`
	ChargedTwice   int           `json:"charged_twice"`
	Paid           int           `json:"paid"`
	Locks          int           `json:"locks_taken"`
	LocksTwice     int           `json:"locks_held_twice"`
	Pages          int           `json:"pages_of_the_dashboard"`
	Banners        int           `json:"pages_with_a_banner"`
	WrongPages     int           `json:"pages_with_wrong_numbers"`
	DashboardAway  time.Duration `json:"dashboard_away_longest_ns"`
	DashboardAfter time.Duration `json:"dashboard_away_after_promotion_ns"`
	Problems       []string      `json:"problems,omitempty"`
}

func (a *aside) problem(format string, args ...any) {
	a.Problems = append(a.Problems, a.Where+": "+fmt.Sprintf(format, args...))
}

// report is the outcome of a run.
type report struct {
	Held     bool          `json:"held"`
	Server   string        `json:"server"`
	Rounds   int           `json:"rounds"`
	Took     time.Duration `json:"took_ns"`
	Rows     []*row        `json:"steps"`
	Asides   []*aside      `json:"asides"`
	Problems []string      `json:"problems,omitempty"`
}

// take adds what a deployment has shown.
func (r *report) take(where string, rows []*row, beside *aside) {
	for _, added := range rows {
		added.Where = where
		r.Problems = append(r.Problems, added.Problems...)
		known := false
		for _, old := range r.Rows {
			if old.Where == where && old.Step == added.Step {
				old.add(added)
				known = true
			}
		}
		if !known {
			r.Rows = append(r.Rows, added)
		}
	}
	r.Problems = append(r.Problems, beside.Problems...)
	r.Asides = append(r.Asides, beside)
}

const problemsShown = 60

// print writes the report as a table, or as one JSON object.
func (r *report) print(to io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(to).Encode(r)
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "step\tacked\tlost\tdurable\tlost\tbare\tlost\tdoubled\tredone\tredelivered\t"+
		"acks p50/max\tafter\tstarts p50/max\tafter\tlate\tnote")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s: %s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s/%s\t%s\t%s/%s\t%s\t%s\t%s\n", row.Where, row.Step,
			row.Acked, row.Lost, row.Durable, row.DurableLost, row.BareAcked, row.BareLost, row.Doubled, row.Redone,
			row.Redelivered, ms(row.Acks.P50), ms(row.Acks.Max), ms(row.Acks.After), ms(row.Starts.P50), ms(row.Starts.Max),
			ms(row.Starts.After), ms(row.Late), row.Note)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "beside\torders\tcharged\ttwice\tpaid\tlocks\theld twice\tpages\twith a banner\twrong\t"+
		"away longest\tafter a promotion")
	for _, a := range r.Asides {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", a.Where, a.Orders, a.Charged, a.ChargedTwice,
			a.Paid, a.Locks, a.LocksTwice, a.Pages, a.Banners, a.WrongPages, ms(a.DashboardAway), ms(a.DashboardAfter))
	}
	fmt.Fprintf(w, "\n%s, %d rounds, %s\n", r.Server, r.Rounds, r.Took.Round(time.Second))
	for _, problem := range r.Problems[:min(len(r.Problems), problemsShown)] {
		fmt.Fprintln(w, " -", problem)
	}
	if r.Held {
		fmt.Fprintln(w, "verdict: held")
	} else {
		fmt.Fprintf(w, "verdict: FAILED, %d problems\n", len(r.Problems))
	}
	return w.Flush()
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

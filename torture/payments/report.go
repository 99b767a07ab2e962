package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// The names of the phases.
const (
	phaseWorkers = "workers killed"
	phaseRedis   = "workers and Redis killed"
)

// report is the outcome of a phase.
type report struct {
	Phase         string         `json:"phase"`
	Held          bool           `json:"held"`
	Seed          uint64         `json:"seed"`
	Orders        int            `json:"orders"`
	Jobs          int64          `json:"jobs_done"`
	Paid          int            `json:"paid"`
	Doubles       int            `json:"charged_twice"`
	Uncharged     int            `json:"not_charged"`
	Dead          int64          `json:"dead"`
	Retried       int64          `json:"retried"`
	Snoozed       int64          `json:"snoozed"`
	WorkersKilled int            `json:"workers_killed"`
	RedisKilled   int            `json:"redis_killed"`
	Charges       int            `json:"charges"`
	Gateway       simgate.Counts `json:"gateway"`
	Struck        time.Duration  `json:"struck_ns"` // how long faults struck
	Took          time.Duration  `json:"took_ns"`   // until all was done
	Problems      []string       `json:"problems,omitempty"`
}

const problemsShown = 40

// take notes the figures.
func (r *report) take(found findings) {
	r.Charges, r.Gateway = len(found.ledger.Charges), found.ledger.Counts
	r.Dead, r.Jobs = found.queue.Dead, found.queue.Totals.Done
	r.Retried, r.Snoozed = found.queue.Totals.Retried, found.queue.Totals.Snoozed
}

// print writes the report as a table.
func (r *report) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(name string, value any, note string) { fmt.Fprintf(w, "%s\t%v\t%s\n", name, value, note) }
	row("phase", r.Phase, fmt.Sprintf("%.1fs, of which faults struck for %.1fs", r.Took.Seconds(), r.Struck.Seconds()))
	row("kill -9 of workers", r.WorkersKilled, "")
	row("kill -9 of Redis", r.RedisKilled, "")
	row("orders", r.Orders, fmt.Sprintf("each enqueued by %d producers", producers))
	row("jobs done", r.Jobs, fmt.Sprintf("must be %d; %d attempts failed and were repeated, %d waited for another",
		producers*r.Orders, r.Retried, r.Snoozed))
	row("calls of the gateway", r.Gateway.Calls, fmt.Sprintf("%d repeated a key that was charged, %d one in use",
		r.Gateway.Replayed, r.Gateway.InUse))
	row("lookups", r.Gateway.Lookups, fmt.Sprintf("%d found a charge that was made and not recorded", r.Gateway.Found))
	row("charges not answered", r.Gateway.Unanswered, "")
	row("calls failed", r.Gateway.Failed, "and nothing was charged")
	row("charges in the ledger", r.Charges, fmt.Sprintf("must be %d", r.Orders))
	row("orders charged twice", r.Doubles, "must be 0")
	row("orders not charged", r.Uncharged, "must be 0")
	row("orders paid", r.Paid, fmt.Sprintf("must be %d", r.Orders))
	row("jobs dead", r.Dead, "must be 0")
	verdict := "held"
	if !r.Held {
		verdict = fmt.Sprintf("FAILED, %d problems, seed %d", len(r.Problems), r.Seed)
	}
	row("verdict", verdict, "")
	for _, problem := range r.Problems[:min(len(r.Problems), problemsShown)] {
		fmt.Fprintln(w, " -", problem)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

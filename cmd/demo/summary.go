package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/navvy-go/navvy/queue/inspect"
)

// summary accounts for every job of a run.
type summary struct {
	Ordered  int64            `json:"ordered"`  // orders asked for
	Enqueued map[string]int64 `json:"enqueued"` // jobs by queue, as the producer reports them
	Done     int64            `json:"done"`
	Retried  int64            `json:"retried"` // failed attempts that were tried again
	Dead     int64            `json:"dead"`
	Paid     int64            `json:"paid_orders"`
	Unpaid   int64            `json:"unpaid_orders"`
	Charged  int64            `json:"charged_orders"` // in the gateway's ledger
	Doubles  int64            `json:"charged_twice"`  // orders, in the gateway's ledger
	Faults   int64            `json:"gateway_faults"` // calls that failed, or were not answered although they charged
	Seconds  float64          `json:"seconds"`

	ended map[string]int64 // jobs done or dead, by queue
}

// countJobs takes the totals of all queues and returns how many jobs are neither done nor dead.
func (s *summary) countJobs(ctx context.Context, inspector *inspect.Inspector) (left int64, err error) {
	s.Done, s.Retried, s.Dead, s.ended = 0, 0, 0, map[string]int64{}
	names, err := inspector.Queues(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		info, err := inspector.Queue(ctx, name)
		if err != nil {
			return 0, err
		}
		left += info.Waiting + info.InFlight + info.Delayed + info.Retrying
		s.Done += info.Totals.Done
		s.Retried += info.Totals.Retried
		s.Dead += info.Dead
		s.ended[name] = info.Totals.Done + info.Dead
	}
	return left, nil
}

// accounted returns an error that names everything that is missing, or too much.
func (s *summary) accounted() error {
	var wrong []error
	if s.Paid != s.Ordered || s.Unpaid != 0 {
		wrong = append(wrong, fmt.Errorf("of %d orders %d are paid, and %d more are not", s.Ordered, s.Paid, s.Unpaid))
	}
	if s.Charged != s.Ordered || s.Doubles != 0 {
		wrong = append(wrong, fmt.Errorf("of %d orders %d are in the gateway's ledger, and %d of them twice", s.Ordered,
			s.Charged, s.Doubles))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Enqueued)) {
		if enqueued, ended := s.Enqueued[name], s.ended[name]; enqueued != ended {
			wrong = append(wrong, fmt.Errorf("%s: %d jobs were enqueued, %d ended", name, enqueued, ended))
		}
	}
	if s.Dead != 0 {
		wrong = append(wrong, fmt.Errorf("%d jobs are dead", s.Dead))
	}
	return errors.Join(wrong...)
}

func (s *summary) enqueued() (sum int64) {
	for n := range maps.Values(s.Enqueued) {
		sum += n
	}
	return sum
}

func (s *summary) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nenqueued\tdone\tretried\tdead\tgateway faults\tpaid orders\tcharged once\tseconds\t")
	fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%d of %d\t%d of %d\t%.1f\t\n",
		s.enqueued(), s.Done, s.Retried, s.Dead, s.Faults, s.Paid, s.Ordered, s.Charged-s.Doubles, s.Ordered, s.Seconds)
	return table.Flush()
}

// write prints the summary, and returns an error if it does not account for everything.
func (s *summary) write(w io.Writer, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(w).Encode(s)
	} else {
		err = s.writeTable(w)
	}
	return errors.Join(err, s.accounted())
}

package main

import (
	"fmt"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/charged"
)

// findings are what there is when all is over.
type findings struct {
	ledger simgate.Ledger           // the gateway's
	orders map[string]payment.Order // their records, by ID
	queue  inspect.QueueInfo
	audit  inspect.Audit
}

// judge completes the report: every order must be in the ledger once and paid with that charge, every job done, and the
// faults must have struck, or else nothing was shown.
func (r *report) judge(found findings) {
	r.take(found)
	ordered := make([]payment.Charge, r.Orders)
	for n := range ordered {
		ordered[n] = orderOf(n)
	}
	charges := charged.Judge(ordered, found.ledger)
	r.Doubles, r.Uncharged = charges.Doubles, charges.Uncharged
	r.Problems = append(r.Problems, charges.Problems...)
	for _, want := range ordered {
		if charge, is := charges.Charged[want.OrderID]; is {
			r.judgeRecord(want, charge, found.orders[want.OrderID])
		}
	}
	r.judgeJobs(found)
	r.judgeFaults()
	r.Held = len(r.Problems) == 0
}

func (r *report) judgeRecord(want payment.Charge, charge payment.Receipt, record payment.Order) {
	switch {
	case record.Cents != want.Cents:
		r.problem("order %s is for %d cents and its record says %d", want.OrderID, want.Cents, record.Cents)
	case record.State != payment.Paid:
		r.problem("order %s was charged and its record says %q", want.OrderID, record.State)
	case record.Charge != charge.Charge:
		r.problem("order %s was charged as %s and its record says %s", want.OrderID, charge.Charge, record.Charge)
	default:
		r.Paid++
	}
}

func (r *report) judgeJobs(found findings) {
	q := found.queue
	if left := q.Waiting + q.InFlight + q.Delayed + q.Retrying; left > 0 {
		r.problem("%d jobs are left in the queue", left)
	}
	if q.Dead > 0 {
		r.problem("%d jobs are dead", q.Dead)
	}
	if want := int64(producers * r.Orders); q.Totals.Done != want {
		r.problem("%d jobs were enqueued and %d are done", want, q.Totals.Done)
	}
	if !found.audit.OK() {
		r.problem("the queue's books do not balance: %+v", found.audit)
	}
}

// judgeFaults makes sure that there was something to withstand.
func (r *report) judgeFaults() {
	for what, count := range map[string]int64{
		"no worker was killed":              int64(r.WorkersKilled),
		"the gateway answered every charge": r.Gateway.Unanswered,
		"no charge was asked for again":     r.Gateway.Replayed + r.Gateway.Found,
	} {
		if count == 0 {
			r.problem("nothing is shown: %s", what)
		}
	}
	if r.Phase == phaseRedis && r.RedisKilled == 0 {
		r.problem("nothing is shown: Redis was not killed")
	}
}

func (r *report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

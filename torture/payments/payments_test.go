package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/testserver"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue/inspect"
)

// TestMain makes the test binary the producer process, too.
func TestMain(m *testing.M) {
	if text := os.Getenv(producerEnv); text != "" {
		os.Exit(producerMain(text))
	}
	goleak.VerifyTestMain(m)
}

// good are the findings and the report of a run of two orders in which all is well.
func good() (findings, *report) {
	found := findings{orders: map[string]payment.Order{}}
	for n := range 2 {
		order := orderOf(n)
		charge := payment.Receipt{Charge: "ch_" + order.OrderID, OrderID: order.OrderID, Cents: order.Cents}
		found.ledger.Charges = append(found.ledger.Charges, charge)
		found.orders[order.OrderID] = payment.Order{
			ID: order.OrderID, State: payment.Paid, Cents: order.Cents, Charge: charge.Charge,
		}
	}
	found.ledger.Counts = simgate.Counts{Calls: 3, Replayed: 1, Unanswered: 1}
	found.queue.Totals.Done = 2 * producers
	found.audit.Balances = []inspect.Balance{{Place: "stream", In: 6, Out: 6}}
	return found, &report{Phase: phaseRedis, Orders: 2, WorkersKilled: 1, RedisKilled: 1}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	first := orderOf(0).OrderID
	record := func(change func(*payment.Order)) func(*findings, *report) {
		return func(f *findings, _ *report) {
			order := f.orders[first]
			change(&order)
			f.orders[first] = order
		}
	}
	for name, test := range map[string]struct {
		change func(*findings, *report)
		want   string // "" all is well
	}{
		"good": {func(*findings, *report) {}, ""},
		"charged twice": {func(f *findings, _ *report) {
			f.ledger.Charges = append(f.ledger.Charges, payment.Receipt{Charge: "ch_2", OrderID: first, Cents: 100})
		}, "order o-000000 was charged 2 times"},
		"not charged": {func(f *findings, _ *report) { f.ledger.Charges = f.ledger.Charges[1:] },
			"order o-000000 was not charged"},
		"charged for nobody": {func(f *findings, _ *report) {
			f.ledger.Charges = append(f.ledger.Charges, payment.Receipt{Charge: "ch_2", OrderID: "o-9", Cents: 100})
		}, "order o-9 was charged although"},
		"another amount": {func(f *findings, _ *report) { f.ledger.Charges[0].Cents = 5 }, "is for 100 cents, was charged 5"},
		"refunded": {func(f *findings, _ *report) {
			f.ledger.Refunds = []payment.RefundReceipt{{OrderID: first}}
		}, "1 charges were refunded"},
		"in processing":   {record(func(o *payment.Order) { o.State = payment.Processing }), `its record says "processing"`},
		"other charge":    {record(func(o *payment.Order) { o.Charge = "ch_9" }), "its record says ch_9"},
		"record's amount": {record(func(o *payment.Order) { o.Cents = 7 }), "its record says 7"},
		"no record":       {func(f *findings, _ *report) { delete(f.orders, first) }, "o-000000 is for 100 cents"},
		"a job left":      {func(f *findings, _ *report) { f.queue.InFlight = 1 }, "1 jobs are left"},
		"a job dead":      {func(f *findings, _ *report) { f.queue.Dead = 1 }, "1 jobs are dead"},
		"a job lost":      {func(f *findings, _ *report) { f.queue.Totals.Done-- }, "6 jobs were enqueued and 5 are done"},
		"a job twice":     {func(f *findings, _ *report) { f.queue.Totals.Done++ }, "6 jobs were enqueued and 7 are done"},
		"books":           {func(f *findings, _ *report) { f.audit.Balances[0].Out = 5 }, "do not balance"},
		"no kills":        {func(_ *findings, r *report) { r.WorkersKilled = 0 }, "no worker was killed"},
		"no outage":       {func(_ *findings, r *report) { r.RedisKilled = 0 }, "Redis was not killed"},
		"no time-outs":    {func(f *findings, _ *report) { f.ledger.Unanswered = 0 }, "answered every charge"},
		"no repetition":   {func(f *findings, _ *report) { f.ledger.Replayed = 0 }, "asked for again"},
		"earlier problem": {func(_ *findings, r *report) { r.problem("a worker hung") }, "a worker hung"},
	} {
		found, r := good()
		test.change(&found, r)
		r.judge(found)
		var out bytes.Buffer
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		if r.Held != (test.want == "") || !strings.Contains(out.String(), test.want) || len(r.Problems) > 1 {
			t.Errorf("%s: held %t, want %q in %q", name, r.Held, test.want, r.Problems)
		}
	}
}

func TestShortRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "worker"),
		"../../cmd/worker").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var out bytes.Buffer
	var errs testserver.Output // both phases write there
	args := []string{"-for", "2s", "-seed", "7", "-orders", "60", "-workers", "3", "-gap", "200ms", "-bin", dir, "-json"}
	if code := run(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("exit status %d\n%s%s", code, out.String(), errs.String())
	}
	for lines := json.NewDecoder(&out); lines.More(); {
		var r report
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if !r.Held || r.Paid != 60 || r.Charges != 60 || r.Jobs != 180 {
			t.Errorf("a strange report: %+v", r)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, code := range map[string]int{"-h": 0, "-for 1ms": 2, "-workers 0": 2, "-orders -1": 2, "-gap 1ms": 2,
		"now": 2} {
		var errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(flags), io.Discard, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit status %d, want %d; it says %q", flags, got, code, errs.String())
		}
	}
}

// A worker that cannot run is reported, and nothing hangs.
func TestFleetReportsWhatEndsByItself(t *testing.T) {
	t.Parallel()
	f := &fleet{program: "false-" + t.Name(), dir: t.TempDir()}
	f.run(t.Context(), 1, newRand(1))
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		f.mu.Lock()
		failed := len(f.failures) > 0
		f.mu.Unlock()
		if failed || time.Now().After(deadline) {
			break
		}
	}
	if failures := f.stop(); len(failures) != 1 {
		t.Errorf("failures: %q", failures)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAccounted(t *testing.T) {
	t.Parallel()
	complete := func() *summary {
		return &summary{
			Ordered: 2, Paid: 2, Charged: 2, Done: 5,
			Enqueued: map[string]int64{"orders": 2, "events": 3}, ended: map[string]int64{"orders": 2, "events": 3},
		}
	}
	for name, test := range map[string]struct {
		change func(*summary)
		wrong  string
	}{
		"complete":       {func(*summary) {}, ""},
		"an order open":  {func(s *summary) { s.Paid, s.Unpaid = 1, 1 }, "of 2 orders 1 are paid, and 1 more are not"},
		"an order more":  {func(s *summary) { s.Unpaid = 1 }, "of 2 orders 2 are paid"},
		"not charged":    {func(s *summary) { s.Charged = 1 }, "of 2 orders 1 are in the gateway's ledger"},
		"charged twice":  {func(s *summary) { s.Doubles = 1 }, "and 1 of them twice"},
		"a job lost":     {func(s *summary) { s.ended["events"] = 2 }, "events: 3 jobs were enqueued, 2 ended"},
		"a job twice":    {func(s *summary) { s.ended["orders"] = 3 }, "orders: 2 jobs were enqueued, 3 ended"},
		"a queue absent": {func(s *summary) { delete(s.ended, "orders") }, "orders: 2 jobs were enqueued, 0 ended"},
		"a job dead":     {func(s *summary) { s.Dead = 1 }, "1 jobs are dead"},
	} {
		s := complete()
		test.change(s)
		err := s.write(&bytes.Buffer{}, true)
		if test.wrong == "" && err != nil || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
			t.Errorf("%s: %v, want %q", name, err, test.wrong)
		}
	}
}

func TestSummaryTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &summary{Ordered: 2, Paid: 2, Charged: 2, Done: 2, Seconds: 1.25, Enqueued: map[string]int64{"orders": 2},
		ended: map[string]int64{"orders": 2}}
	if err := s.write(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"enqueued", "paid orders", "2 of 2", "1.2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

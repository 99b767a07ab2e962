package simgate

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/navvy-go/navvy/jobs/payment"
)

func TestBookForgetsTheOldest(t *testing.T) {
	t.Parallel()
	const size = 1000
	b := newBook(size)
	enter := func(n int) *answer {
		key, order := "k-"+strconv.Itoa(n), chargeOrder{OrderID: strconv.Itoa(n), Cents: 5}
		e, _, refused := b.enter(key, order)
		if refused != nil {
			t.Fatalf("%s: refused with %+v", key, refused)
		}
		given := b.finish(e, func() answer { return b.charge(key, e, order, false) })
		return &given
	}
	for n := range size + 2 {
		enter(n)
	}
	ledger := b.ledger()
	if len(ledger.Charges) != size || ledger.Charges[0].OrderID != "2" || len(b.charges) != size {
		t.Errorf("%d charges from order %s on; want %d from order 2 on", len(ledger.Charges), ledger.Charges[0].OrderID, size)
	}
	if given := enter(size); given.status != http.StatusOK || b.ledger().Replayed != 1 {
		t.Errorf("the last but one again: %+v, replayed %d", given, b.ledger().Replayed)
	}
	if gone := b.lookup("k-0"); gone.status != http.StatusNotFound {
		t.Errorf("the oldest: %+v", gone)
	}
}

func TestFateFollowsFromTheSeed(t *testing.T) {
	t.Parallel()
	drawn := func(seed uint64) (failed, unanswered, declined int) {
		s := Simulation{Failures: 0.1, Timeouts: 0.2, Declines: 0.3, Seed: seed}
		for n := range 10_000 {
			key := "k-" + strconv.Itoa(n%100)
			switch s.fate(key, uint64(n)) {
			case failure:
				failed++
			case noAnswer:
				unanswered++
			}
			if s.declines("k-" + strconv.Itoa(n)) {
				declined++
			}
		}
		return failed, unanswered, declined
	}
	f1, u1, d1 := drawn(1)
	f2, u2, d2 := drawn(1)
	f3, u3, d3 := drawn(2)
	if f1 != f2 || u1 != u2 || d1 != d2 || f1 == f3 && u1 == u3 && d1 == d3 {
		t.Errorf("seed 1: %d %d %d, again: %d %d %d, seed 2: %d %d %d", f1, u1, d1, f2, u2, d2, f3, u3, d3)
	}
	for _, share := range []struct{ got, want int }{{f1, 1000}, {u1, 2000}, {d1, 3000}} {
		if share.got < share.want*9/10 || share.got > share.want*11/10 {
			t.Errorf("%d of 10,000, want about %d", share.got, share.want)
		}
	}
}

func TestIDsFollowFromTheKey(t *testing.T) {
	t.Parallel()
	one, other := newBook(1), newBook(1)
	order := chargeOrder{OrderID: "o-1", Cents: 5}
	first, second := one.charge("k-1", &entry{}, order, false), other.charge("k-1", &entry{}, order, false)
	if first.body.(payment.Receipt) != second.body.(payment.Receipt) {
		t.Errorf("two servers answer %+v and %+v", first, second)
	}
}

package payment_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
)

// step is a move of an order of 500 cents, with what each state needs.
func step(id string, from, to payment.State, token uint64) payment.Move {
	move := payment.Move{OrderID: id, From: from, To: to, Cents: 500, Token: token}
	switch to {
	case payment.Paid:
		move.Charge = "ch_1"
	case payment.Failed:
		move.Failure = "no funds"
	case payment.Refunded:
		move.Refund, move.Reason = "re_1", "broken"
	}
	return move
}

// orderIn makes an order in that state, with token 5.
func orderIn(t *testing.T, store payment.Store, id string, state payment.State) payment.Order {
	t.Helper()
	order, err := store.Create(t.Context(), id, 500)
	must(t, err)
	way := map[payment.State][]payment.State{
		payment.Processing: {payment.Processing},
		payment.Paid:       {payment.Processing, payment.Paid},
		payment.Failed:     {payment.Processing, payment.Failed},
		payment.Refunded:   {payment.Processing, payment.Paid, payment.Refunded},
	}
	for _, to := range way[state] {
		order, err = store.Move(t.Context(), step(id, order.State, to, 5))
		must(t, err)
	}
	return order
}

func TestStoreCreatesAnOrderOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		if _, err := b.store.Get(t.Context(), "o-1"); !errors.Is(err, payment.ErrNoOrder) {
			t.Errorf("Get before: %v, want ErrNoOrder", err)
		}
		first, err := b.store.Create(t.Context(), "o-1", 500)
		must(t, err)
		if first.State != payment.Pending || first.Cents != 500 || first.Token != 0 ||
			time.Since(first.UpdatedAt) > time.Minute {
			t.Errorf("created as %+v", first)
		}
		again, err := b.store.Create(t.Context(), "o-1", 900)
		if err != nil || again != first {
			t.Errorf("created again as %+v (%v), want %+v", again, err, first)
		}
		if got, err := b.store.Get(t.Context(), "o-1"); err != nil || got != first {
			t.Errorf("Get: %+v (%v), want %+v", got, err, first)
		}
	})
}

// Every pair of states, the legal and the others.
func TestStoreKnowsWhichMovesAreLegal(t *testing.T) {
	t.Parallel()
	states := []payment.State{payment.Pending, payment.Processing, payment.Paid, payment.Failed, payment.Refunded}
	legal := map[[2]payment.State]bool{
		{payment.Pending, payment.Processing}:    true,
		{payment.Processing, payment.Processing}: true,
		{payment.Processing, payment.Paid}:       true,
		{payment.Processing, payment.Failed}:     true,
		{payment.Paid, payment.Refunded}:         true,
	}
	onEachStore(t, func(t *testing.T, b bench) {
		for _, from := range states {
			for _, to := range states {
				id := fmt.Sprintf("o-%s-%s", from, to)
				before := orderIn(t, b.store, id, from)
				_, err := b.store.Move(t.Context(), step(id, from, to, 6))
				after, getErr := b.store.Get(t.Context(), id)
				must(t, getErr)
				switch {
				case legal[[2]payment.State{from, to}]:
					if err != nil || after.State != to || after.Token != 6 {
						t.Errorf("%s to %s: %+v (%v)", from, to, after, err)
					}
				case !errors.Is(err, payment.ErrConflict) || after != before:
					t.Errorf("%s to %s: %+v (%v), want ErrConflict and no change", from, to, after, err)
				}
			}
		}
	})
}

func TestStoreKeepsWhatEachStepBrings(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		order := orderIn(t, b.store, "o-1", payment.Refunded)
		want := payment.Order{
			ID: "o-1", State: payment.Refunded, Cents: 500, Token: 5, Charge: "ch_1", Refund: "re_1", Reason: "broken",
			UpdatedAt: order.UpdatedAt,
		}
		if order != want {
			t.Errorf("got %+v, want %+v", order, want)
		}
		if failed := orderIn(t, b.store, "o-2", payment.Failed); failed.Failure != "no funds" || failed.Charge != "" {
			t.Errorf("got %+v", failed)
		}
	})
}

func TestStoreRefusesALowerToken(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		orderIn(t, b.store, "o-1", payment.Processing)
		if _, err := b.store.Move(t.Context(), step("o-1", payment.Processing, payment.Processing, 9)); err != nil {
			t.Fatalf("takeover with a higher token: %v", err)
		}
		for _, to := range []payment.State{payment.Processing, payment.Paid, payment.Failed} {
			if _, err := b.store.Move(t.Context(), step("o-1", payment.Processing, to, 8)); !errors.Is(err, payment.ErrFenced) {
				t.Errorf("to %s with a lower token: %v, want ErrFenced", to, err)
			}
		}
		if _, err := b.store.Move(t.Context(), step("o-1", payment.Processing, payment.Paid, 9)); err != nil {
			t.Errorf("with the token of the takeover: %v", err)
		}
		_, err := b.store.Move(t.Context(), step("o-1", payment.Processing, payment.Paid, 8))
		if !errors.Is(err, payment.ErrFenced) {
			t.Errorf("late, when it was paid: %v, want ErrFenced", err)
		}
		if order, err := b.store.Get(t.Context(), "o-1"); err != nil || order.State != payment.Paid || order.Token != 9 {
			t.Errorf("order: %+v (%v)", order, err)
		}
	})
}

func TestStoreAnswersTheSameStepTheSame(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		for state, from := range map[payment.State]payment.State{
			payment.Paid: payment.Processing, payment.Failed: payment.Processing, payment.Refunded: payment.Paid,
		} {
			id := "o-" + string(state)
			first := orderIn(t, b.store, id, state)
			again, err := b.store.Move(t.Context(), step(id, from, state, 5))
			if err != nil || again != first {
				t.Errorf("to %s again: %+v (%v), want %+v", state, again, err, first)
			}
		}
		other := step("o-paid", payment.Processing, payment.Paid, 5)
		other.Charge = "ch_2"
		if _, err := b.store.Move(t.Context(), other); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("paid by another charge: %v, want ErrConflict", err)
		}
	})
}

func TestStoreRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		orderIn(t, b.store, "o-1", payment.Processing)
		for name, change := range map[string]func(*payment.Move){
			"no ID":     func(m *payment.Move) { m.OrderID = "" },
			"long ID":   func(m *payment.Move) { m.OrderID = string(make([]byte, 201)) },
			"no amount": func(m *payment.Move) { m.Cents = 0 },
			"no token":  func(m *payment.Move) { m.Token = 0 },
			"no double": func(m *payment.Move) { m.Token = 1 << 53 },
			"no proof":  func(m *payment.Move) { m.Charge = "" },
		} {
			move := step("o-1", payment.Processing, payment.Paid, 6)
			change(&move)
			if _, err := b.store.Move(t.Context(), move); !errors.Is(err, payment.ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", name, err)
			}
		}
		_, err := b.store.Move(t.Context(), step("o-1", payment.Pending, payment.Processing, 6))
		if !errors.Is(err, payment.ErrStale) {
			t.Errorf("from a state it has left: %v, want ErrStale", err)
		}
		other := step("o-1", payment.Processing, payment.Paid, 6)
		other.Cents = 501
		if _, err := b.store.Move(t.Context(), other); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("another amount: %v, want ErrConflict", err)
		}
		_, err = b.store.Move(t.Context(), step("o-2", payment.Pending, payment.Processing, 6))
		if !errors.Is(err, payment.ErrNoOrder) {
			t.Errorf("no such order: %v, want ErrNoOrder", err)
		}
		if _, err := b.store.Create(t.Context(), "o-3", -1); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("Create: %v, want ErrInvalid", err)
		}
		if _, _, err := b.store.Stuck(t.Context(), time.Now(), "", 0); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("Stuck, no limit: %v, want ErrInvalid", err)
		}
		if _, _, err := b.store.Stuck(t.Context(), time.Now(), "nonsense", 1); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("Stuck, bad cursor: %v, want ErrInvalid", err)
		}
	})
}

func TestStoreLetsOneOfManyTakeAStep(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		orderIn(t, b.store, "o-1", payment.Processing)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				move := step("o-1", payment.Processing, payment.Paid, 6)
				move.Charge = fmt.Sprintf("ch_%d", i)
				_, err := b.store.Move(t.Context(), move)
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, payment.ErrConflict):
					t.Errorf("another's step: %v, want ErrConflict", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 16 steps were taken", won.Load())
		}
	})
}

func TestStoreListsWhatIsStuckByPages(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		var want []string
		for i := range 25 { // many of the same millisecond
			id := fmt.Sprintf("o-%02d", i)
			orderIn(t, b.store, id, payment.Processing)
			b.age(t, id, time.Hour)
			want = append(want, id)
		}
		orderIn(t, b.store, "o-new", payment.Processing)
		orderIn(t, b.store, "o-paid", payment.Paid)
		orderIn(t, b.store, "o-pending", payment.Pending)
		for _, limit := range []int{1, 4, 25, 100} {
			var got []string
			cursor, pages := "", 0
			for {
				orders, next, err := b.store.Stuck(t.Context(), time.Now().Add(-time.Minute), cursor, limit)
				must(t, err)
				for _, order := range orders {
					got = append(got, order.ID)
					if order.State != payment.Processing || order.Cents != 500 {
						t.Errorf("listed %+v", order)
					}
				}
				if pages++; len(orders) > limit || pages > 30 {
					t.Fatalf("limit %d: page %d has %d orders", limit, pages, len(orders))
				}
				if cursor = next; next == "" {
					break
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("limit %d: listed %v, want %v", limit, got, want)
			}
		}
	})
}

package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// How far one reconciliation goes.
const (
	DefaultOlderThan = 5 * time.Minute
	DefaultLimit     = 1000
	MaxLimit         = 10_000

	reconcileLimit = 30 * time.Minute
	reconcilePage  = 100
	maxUnanswered  = 10 // in a row: then the gateway is taken to be down
)

// Reconcile is the job payment.reconcile: it settles the orders that were left in processing, because whoever brought
// them to the gateway died, or gave up, before the answer was recorded. One runs at a time. The fleet needs it every
// few minutes; a cron entry, which worker run has by default, does not let it pile up:
//
//	queue.Cron("payment.reconcile", "@every 5m", payment.Reconcile{}, queue.On("orders"),
//		queue.Overlap(queue.OverlapSkip))
type Reconcile struct {
	OlderThan time.Duration // in processing for longer; 5 s (the lock's TTL) or more, 5 minutes if 0
	Limit     int           // orders to look at, up to 10,000; 1,000 if 0
	Cursor    string        // where an earlier one ended; empty for the beginning
}

// Kind returns "payment.reconcile".
func (Reconcile) Kind() string { return "payment.reconcile" }

// reconcileJSON is how a [Reconcile] is written, with a duration that a person reads, such as "5m".
type reconcileJSON struct {
	OlderThan string `json:"older_than,omitempty"`
	Limit     int    `json:"limit,omitempty"`
	Cursor    string `json:"cursor,omitempty"`
}

// MarshalJSON writes older_than as time.Duration's String does.
func (r Reconcile) MarshalJSON() ([]byte, error) {
	wire := reconcileJSON{Limit: r.Limit, Cursor: r.Cursor}
	if r.OlderThan != 0 {
		wire.OlderThan = r.OlderThan.String()
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads older_than as time.ParseDuration does.
func (r *Reconcile) UnmarshalJSON(data []byte) error {
	var wire reconcileJSON
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*r = Reconcile{Limit: wire.Limit, Cursor: wire.Cursor}
	if wire.OlderThan == "" {
		return nil
	}
	olderThan, err := time.ParseDuration(wire.OlderThan)
	if err != nil {
		return fmt.Errorf("older_than: %w", err)
	}
	r.OlderThan = olderThan
	return nil
}

// Reconciliation says what became of the orders that were left in processing.
type Reconciliation struct {
	Seen      int    `json:"seen"`
	Paid      int    `json:"paid"`             // charged or held, by the first holder or only now; or ended meanwhile
	Failed    int    `json:"failed"`           // refused for good
	Busy      int    `json:"busy"`             // in other hands by now
	Conflicts int    `json:"conflicts"`        // the record and the gateway disagree: for a person
	Unsettled int    `json:"unsettled"`        // no answer, or not decided yet: the next one tries again
	Cursor    string `json:"cursor,omitempty"` // where to go on; empty if all were seen
	Running   bool   `json:"running"`          // another one is running, and this one did nothing
}

// withDefaults fills in what was left 0, and refuses what makes no sense.
func (r Reconcile) withDefaults() (Reconcile, error) {
	if r.OlderThan == 0 {
		r.OlderThan = DefaultOlderThan
	}
	if r.Limit == 0 {
		r.Limit = DefaultLimit
	}
	switch {
	case r.OlderThan < lockTTL:
		return r, fmt.Errorf("payment: %w: older_than %s must be at least %s", ErrInvalid, r.OlderThan, lockTTL)
	case r.Limit < 1 || r.Limit > MaxLimit:
		return r, fmt.Errorf("payment: %w: limit %d must be 1 to %d", ErrInvalid, r.Limit, MaxLimit)
	}
	return r, nil
}

// Reconcile asks the gateway about each order that has been in processing for too long: what is charged becomes paid,
// what it refuses becomes failed, and what was never charged is charged now, with the key of the first time, as it was
// asked for. It works under the same locks and tokens as Charge. An order that cannot be settled does not keep it from
// the others; after ten in a row for which the gateway or the store gave no answer it gives up with the last one's
// error, and the counts so far.
func (s *Service) Reconcile(ctx context.Context, reconcile Reconcile) (Reconciliation, error) {
	reconcile, err := reconcile.withDefaults()
	if err != nil {
		return Reconciliation{}, err
	}
	lock, err := s.locks.TryAcquire(ctx, "payments:reconcile", lockmgr.TTL(lockTTL))
	if err != nil {
		return Reconciliation{Running: errors.Is(err, lockmgr.ErrNotAcquired)}, fmt.Errorf("payment: reconcile: %w", err)
	}
	defer func() { _ = lock.Release(ctx) }() // it ends by itself
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(lock.Context(), func() { end(context.Cause(lock.Context())) })()
	return s.reconcile(ctx, reconcile)
}

func (s *Service) reconcile(ctx context.Context, reconcile Reconcile) (Reconciliation, error) {
	done := Reconciliation{Cursor: reconcile.Cursor}
	before, unanswered := time.Now().Add(-reconcile.OlderThan), 0
	for done.Seen < reconcile.Limit {
		limit := min(reconcilePage, reconcile.Limit-done.Seen)
		orders, next, err := s.orders.Stuck(ctx, before, done.Cursor, limit)
		if err != nil {
			return done, err
		}
		for _, order := range orders {
			settled, err := s.settle(ctx, order.ID)
			if !done.count(settled, err) {
				unanswered = 0
			} else if unanswered++; unanswered == maxUnanswered {
				return done, fmt.Errorf("payment: reconcile, after %d orders: %w", done.Seen, err)
			}
		}
		if done.Cursor = next; next == "" {
			break
		}
	}
	return done, nil
}

// settle takes an order that was left in processing to its end.
//
// Why: docs/decisions/payments.md#an-order-found-in-processing-is-looked-up-before-it-is-charged-again
func (s *Service) settle(ctx context.Context, id string) (Order, error) {
	var order Order
	err := s.alone(ctx, id, func(ctx context.Context, token uint64) (err error) {
		order, err = s.orders.Get(ctx, id)
		if err == nil && (order.State == Pending || order.State == Processing) {
			order, err = s.pay(ctx, order, Move{Token: token})
			if order.State == Failed {
				err = nil // that is an end too
			}
		}
		return err
	})
	return order, err
}

// count adds what became of one order, and reports whether nobody answered for it.
func (r *Reconciliation) count(order Order, err error) (unanswered bool) {
	r.Seen++
	switch {
	case err == nil && order.State == Failed:
		r.Failed++
	case err == nil:
		r.Paid++
	case inOtherHands(err):
		r.Busy++
	case errors.Is(err, ErrConflict), errors.Is(err, ErrInvalid): // the latter of an ID that no record has
		r.Conflicts++
	default:
		r.Unsettled++
		return !errors.Is(err, ErrUndecided)
	}
	return false
}

func (s *Service) handleReconcile(ctx context.Context, job *queue.Job[Reconcile]) error {
	done, err := s.Reconcile(ctx, job.Args)
	if err != nil && !done.Running {
		return outcome(err)
	}
	return job.SetResult(done)
}

package payment

import (
	"context"
	"time"
)

// Store keeps the orders' records. It is the judge of every step: what it refuses did not happen, whoever still
// believes to hold the order's lock. It is safe for concurrent use. [RedisStore] and [SQLStore] are stores.
//
// Why: docs/decisions/payments.md#an-orders-store-is-an-interface-with-three-databases-behind-two-implementations
type Store interface {
	// Create makes the record of an order, pending, unless there is one, and returns the one that is there, which may
	// be in any state and for another amount.
	Create(ctx context.Context, id string, cents int64) (Order, error)

	// Get returns an order's record, or [ErrNoOrder].
	Get(ctx context.Context, id string) (Order, error)

	// Move takes one step and returns the record after it. The step is taken only if the record is in the state From,
	// is for that amount, and has no higher token; all of it is one atomic step. Otherwise the record stays as it is,
	// and the error is [ErrFenced] (a higher token has moved it), [ErrStale] (it is in another state), [ErrConflict]
	// (it is for another amount or has another charge, or no order may take the step) or [ErrNoOrder]. The same step
	// again, with the same token, is the same answer.
	Move(ctx context.Context, move Move) (Order, error)

	// Stuck lists orders that were brought to the gateway at or before a time and did not get further, the oldest
	// first: those in processing, and in a store whose index is wider those still pending. It looks at limit entries of
	// its index, so it may return fewer. The next cursor goes on after them; it is empty at the end, as the first is.
	Stuck(ctx context.Context, before time.Time, cursor string, limit int) (orders []Order, next string, err error)
}

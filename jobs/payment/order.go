package payment

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// State is where an order is on its way to be paid.
type State string

// The states of an order. An order in processing has been, or is about to be, brought to the gateway: only the gateway
// knows whether it is charged.
const (
	Pending    State = "pending"
	Processing State = "processing"
	Paid       State = "paid"
	Failed     State = "failed"
)

// ErrNoOrder says that there is no record of the order.
var ErrNoOrder = errors.New("no such order")

// Order is an order's record in Redis.
type Order struct {
	ID      string
	State   State
	Cents   int64
	Charge  string // paid: the gateway's ID of the charge
	Failure string // failed: why
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

//go:embed lua/transition.lua
var transitionSource string

var transitionScript = redis.NewScript(transitionSource)

// orders keeps the orders' records in Redis.
type orders struct {
	rdb redis.UniversalClient
}

// move takes the order from the state it is known in to another, with further fields (name, value, …) set, and
// returns the record as it is now. Where the record is in another state or for another amount, it stays as it is.
func (o orders) move(ctx context.Context, from Order, to State, fields ...any) (Order, error) {
	args := append([]any{string(from.State), string(to), from.Cents, time.Now().UTC().Format(timeLayout)}, fields...)
	reply, err := transitionScript.Run(ctx, o.rdb, []string{orderKey(from.ID)}, args...).StringSlice()
	if err != nil {
		return Order{}, fmt.Errorf("payment: move order %s to %s: %w", from.ID, to, err)
	}
	return parseOrder(from.ID, reply)
}

func (o orders) get(ctx context.Context, id string) (Order, error) {
	fields, err := o.rdb.HMGet(ctx, orderKey(id), "state", "cents", "charge", "failure").Result()
	if err != nil {
		return Order{}, fmt.Errorf("payment: read order %s: %w", id, err)
	}
	reply := make([]string, len(fields))
	for i, field := range fields {
		reply[i], _ = field.(string) // nil where the order has none
	}
	if reply[0] == "" {
		return Order{}, fmt.Errorf("payment: read order %s: %w", id, ErrNoOrder)
	}
	return parseOrder(id, reply)
}

// parseOrder reads what transition.lua replies.
func parseOrder(id string, reply []string) (Order, error) {
	cents, err := strconv.ParseInt(reply[1], 10, 64)
	if err != nil {
		return Order{}, fmt.Errorf("payment: order %s: cents: %w: %w", id, ErrConflict, err)
	}
	return Order{ID: id, State: State(reply[0]), Cents: cents, Charge: reply[2], Failure: reply[3]}, nil
}

func orderKey(id string) string { return "order:" + id }

package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// processingKey is a sorted set: order ID → when it was last about to be brought to the gateway, in ms. It is written
// before an order goes into processing and cleared after it has left, so every order in processing is in it, and some
// that are not: in a cluster the two keys are in different slots.
const processingKey = "orders:processing"

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

var orderFields = []any{
	"state", "cents", "token", "charge", "refund", "failure", "reason", "updated_at",
	"currency", "charge_attempt", "payment_method", "capture", "refund_parts",
}

// RedisStore keeps each order in the hash order:<id>, where an application may have fields of its own. It is as durable
// as the Redis below it: a failover that loses the last writes takes an order back to an earlier state, and only the
// gateway's idempotency key then stands between it and a second charge.
type RedisStore struct {
	rdb redis.UniversalClient
}

// NewRedisStore returns the store of the orders in rdb.
func NewRedisStore(rdb redis.UniversalClient) *RedisStore { return &RedisStore{rdb: rdb} }

// Create is one script. An order that an application wrote with a state and no amount gets this one while it is
// pending.
func (s *RedisStore) Create(ctx context.Context, id string, cents int64) (Order, error) {
	if err := checkOrder(id, cents); err != nil {
		return Order{}, err
	}
	args := append([]any{cents, timestamp(time.Now())}, orderFields...)
	fields, err := createScript.Run(ctx, s.rdb, []string{orderKey(id)}, args...).Slice()
	if err != nil {
		return Order{}, fmt.Errorf("payment: create order %s: %w", id, err)
	}
	return parseOrder(id, fields)
}

// Get is one HMGET.
func (s *RedisStore) Get(ctx context.Context, id string) (Order, error) {
	fields, err := readOrder(ctx, s.rdb, id).Result()
	if err != nil {
		return Order{}, fmt.Errorf("payment: read order %s: %w", id, err)
	}
	return parseOrder(id, fields)
}

// Move is one script, and one write to the index where the order comes into processing or leaves it.
func (s *RedisStore) Move(ctx context.Context, move Move) (Order, error) {
	if err := move.check(); err != nil {
		return Order{}, err
	}
	now := time.Now()
	if move.To == Processing {
		entry := redis.Z{Score: float64(now.UnixMilli()), Member: move.OrderID}
		if err := s.rdb.ZAdd(ctx, processingKey, entry).Err(); err != nil {
			return Order{}, fmt.Errorf("payment: note that order %s is processing: %w", move.OrderID, err)
		}
	}
	order, err := s.move(ctx, move, now)
	if err == nil && move.From == Processing && move.To != Processing {
		_ = s.forget(ctx, move.OrderID) // the next reconciliation clears what is left
	}
	return order, err
}

// Why: docs/decisions/payments.md#orders-in-processing-are-indexed-wider-than-they-are
func (s *RedisStore) move(ctx context.Context, move Move, now time.Time) (Order, error) {
	args := []any{string(move.From), move.Cents, move.Token, move.KnownParts, move.RefundParts, len(orderFields)}
	args = append(append(args, orderFields...), "state", string(move.To), "updated_at", timestamp(now))
	for _, field := range []struct{ name, value string }{
		{"charge", move.Charge}, {"refund", move.Refund}, {"failure", move.Failure}, {"reason", move.Reason},
		{"currency", move.Currency}, {"payment_method", move.PaymentMethod}, {"capture", move.Capture},
		{"charge_attempt", number(move.Attempt)},
	} {
		if field.value != "" {
			args = append(args, field.name, field.value)
		}
	}
	reply, err := moveScript.Run(ctx, s.rdb, []string{orderKey(move.OrderID)}, args...).Slice()
	if err != nil {
		return Order{}, fmt.Errorf("payment: move order %s to %s: %w", move.OrderID, move.To, err)
	}
	fields, _ := reply[1].([]any)
	order, err := parseOrder(move.OrderID, fields)
	if err == nil && reply[0] == int64(0) {
		err = move.refused(order)
	}
	return order, err
}

// Stuck reads a page of the index and the records of its orders, and takes out of the index what is settled.
func (s *RedisStore) Stuck(ctx context.Context, before time.Time, cursor string, limit int) ([]Order, string, error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("payment: %w: limit %d must be above 0", ErrInvalid, limit)
	}
	page, next, err := s.page(ctx, before, cursor, limit)
	if err != nil || len(page) == 0 {
		return nil, "", err
	}
	records, err := s.records(ctx, page)
	if err != nil {
		return nil, "", err
	}
	stuck := make([]Order, 0, len(page))
	for i, id := range page {
		order, err := parseOrder(id, records[i])
		switch {
		case errors.Is(err, ErrConflict): // a record that a person must mend: who works on it will say so
			stuck = append(stuck, Order{ID: id})
		case err == nil && (order.State == Processing || order.State == Pending):
			stuck = append(stuck, order)
		default: // it is settled or gone, and neither comes back into processing
			if err := s.forget(ctx, id); err != nil {
				return nil, "", err
			}
		}
	}
	return stuck, next, nil
}

// page returns the next orders of the index after the cursor, at most limit, and the cursor after them.
func (s *RedisStore) page(ctx context.Context, before time.Time, cursor string, limit int) ([]string, string, error) {
	last, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	query := redis.ZRangeArgs{
		Key: processingKey, ByScore: true, Start: last.since, Stop: before.UnixMilli(), Count: int64(limit),
	}
	for ; ; query.Offset += int64(limit) { // once, unless a whole page is of the cursor's own millisecond
		entries, err := s.rdb.ZRangeArgsWithScores(ctx, query).Result()
		if err != nil {
			return nil, "", fmt.Errorf("payment: list the orders in processing: %w", err)
		}
		var page []string
		end := place{}
		for _, entry := range entries {
			end = place{since: int64(entry.Score), id: fmt.Sprint(entry.Member)}
			if end.compare(last) > 0 {
				page = append(page, end.id)
			}
		}
		switch {
		case len(entries) < limit:
			return page, "", nil
		case len(page) > 0:
			return page, end.String(), nil
		}
	}
}

// records reads the records of several orders in one round trip.
func (s *RedisStore) records(ctx context.Context, ids []string) ([][]any, error) {
	pipe := s.rdb.Pipeline()
	replies := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		replies[i] = readOrder(ctx, pipe, id)
	}
	if err := redisx.Execute(ctx, pipe, "WRONGTYPE"); err != nil {
		return nil, fmt.Errorf("payment: read %d orders: %w", len(ids), err)
	}
	records := make([][]any, len(replies))
	for i, reply := range replies {
		records[i] = reply.Val()
		if reply.Err() != nil { // another program's key
			records[i] = []any{"not a hash"}
		}
	}
	return records, nil
}

func readOrder(ctx context.Context, rdb redis.Cmdable, id string) *redis.SliceCmd {
	names := make([]string, len(orderFields))
	for i, name := range orderFields {
		names[i] = name.(string)
	}
	return rdb.HMGet(ctx, orderKey(id), names...)
}

func (s *RedisStore) forget(ctx context.Context, id string) error {
	if err := s.rdb.ZRem(ctx, processingKey, id).Err(); err != nil {
		return fmt.Errorf("payment: take order %s off the index: %w", id, err)
	}
	return nil
}

// parseOrder reads the values of orderFields; nil where the order has none.
func parseOrder(id string, fields []any) (Order, error) {
	texts := make([]string, len(orderFields))
	for i := range min(len(fields), len(texts)) {
		texts[i], _ = fields[i].(string)
	}
	order := Order{
		ID: id, State: State(texts[0]), Charge: texts[3], Refund: texts[4], Failure: texts[5], Reason: texts[6],
	}
	if order.State == "" {
		return Order{}, fmt.Errorf("payment: order %s: %w", id, ErrNoOrder)
	}
	var centsErr, tokenErr error
	order.Cents, centsErr = strconv.ParseInt(texts[1], 10, 64)
	order.Token, tokenErr = strconv.ParseUint(cmp.Or(texts[2], "0"), 10, 64)
	if err := errors.Join(centsErr, tokenErr); err != nil {
		return Order{}, fmt.Errorf("payment: order %s: %w: %w", id, ErrConflict, err)
	}
	order.UpdatedAt, _ = time.Parse(time.RFC3339, texts[7]) // an application's own may have none
	order.Currency, order.PaymentMethod, order.Capture = strings.ToLower(texts[8]), texts[10], texts[11]
	order.Attempt, _ = strconv.Atoi(texts[9])
	order.RefundParts = texts[12]
	return order, nil
}

// number is a number as a field, "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func orderKey(id string) string { return "order:" + id }

func timestamp(t time.Time) string { return t.UTC().Format(timeLayout) }

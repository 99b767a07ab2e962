package payment

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	//go:embed sql/orders.sql
	ordersTable string
	//go:embed sql/orders_index.sql
	ordersIndex string
	//go:embed sql/upgrade_postgres.sql
	upgradePostgres string
	//go:embed sql/upgrade_sqlite.sql
	upgradeSQLite string
)

// The statements are the same for PostgreSQL and SQLite. SQLite numbers a $n by where it first stands, so each
// statement begins with $1 and has the others in order.
const (
	columns = "id, state, cents, token, charge, refund, failure, reason, updated_at, " +
		"currency, charge_attempt, payment_method, capture, refund_parts"

	insertOrder = "INSERT INTO navvy_orders (id, idempotency_key, state, cents, token, updated_at) " +
		"VALUES ($1, $2, 'pending', $3, 0, $4) ON CONFLICT DO NOTHING"

	selectOrder = "SELECT " + columns + " FROM navvy_orders WHERE id = $1"

	// A field that is not set stays as it is.
	moveOrder = "UPDATE navvy_orders SET state = $1, token = $2, updated_at = $3, " +
		"charge = COALESCE(NULLIF($4, ''), charge), refund = COALESCE(NULLIF($5, ''), refund), " +
		"failure = COALESCE(NULLIF($6, ''), failure), reason = COALESCE(NULLIF($7, ''), reason), " +
		"currency = COALESCE(NULLIF($8, ''), currency), charge_attempt = COALESCE(NULLIF($9, 0), charge_attempt), " +
		"payment_method = COALESCE(NULLIF($10, ''), payment_method), capture = COALESCE(NULLIF($11, ''), capture), " +
		"refund_parts = CASE $12 WHEN '' THEN refund_parts WHEN '{}' THEN '' ELSE $12 END " +
		"WHERE id = $13 AND state = $14 AND cents = $15 AND token <= $2 AND refund_parts = $16 RETURNING " + columns

	selectStuck = "SELECT " + columns + " FROM navvy_orders WHERE state = 'processing' AND updated_at <= $1 " +
		"AND (updated_at, id) > ($2, $3) ORDER BY updated_at, id LIMIT $4"
)

// migrations is how often [SQLStore.Migrate] tries: of several processes that make a table at once PostgreSQL lets one
// succeed, and the others find it at their next try.
const migrations = 3

// SQLStore keeps orders in the table navvy_orders of a PostgreSQL or a SQLite (3.35 or newer). A record that the
// database has committed is not lost with Redis, so the token in it holds even where Redis forgot its own.
type SQLStore struct {
	db *sql.DB
}

// NewSQLStore returns the store of the orders in db, which remains the caller's to close. Any driver for these
// databases will do. Call [SQLStore.Migrate] before it is used.
func NewSQLStore(db *sql.DB) *SQLStore { return &SQLStore{db: db} }

// Migrate makes the table and its index unless they are there, and gives a table of an earlier version what it lacks:
// that version's workers go on with it. A user that may not make tables can use one that is.
func (s *SQLStore) Migrate(ctx context.Context) error {
	var err error
	for range migrations {
		if s.ready(ctx) == nil {
			return nil
		}
		if _, err = s.db.ExecContext(ctx, ordersTable); err == nil {
			_, err = s.db.ExecContext(ctx, ordersIndex)
		}
		if err == nil && s.ready(ctx) != nil {
			err = s.upgrade(ctx)
		}
	}
	if err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		return fmt.Errorf("payment: make the table navvy_orders: %w", err)
	}
	return nil
}

// upgrade adds columns and states to a table. SQLite cannot change a constraint, so there the table is written anew.
func (s *SQLStore) upgrade(ctx context.Context) error {
	statements := upgradePostgres
	if s.db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(new(string)) == nil {
		statements = upgradeSQLite
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	for statement := range strings.SplitSeq(statements+";\n"+ordersIndex, ";\n") {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// ready says whether the table has the columns that the statements name.
func (s *SQLStore) ready(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, "SELECT "+columns+", idempotency_key FROM navvy_orders LIMIT 0")
	if err != nil {
		return err
	}
	return errors.Join(rows.Close(), rows.Err())
}

// Create is an INSERT that does nothing where there is one, and a SELECT. An order whose idempotency key another order
// has is [ErrConflict].
func (s *SQLStore) Create(ctx context.Context, id string, cents int64) (Order, error) {
	if err := checkOrder(id, cents); err != nil {
		return Order{}, err
	}
	if _, err := s.db.ExecContext(ctx, insertOrder, id, chargeKey(id, 1), cents, time.Now().UnixMilli()); err != nil {
		return Order{}, fmt.Errorf("payment: create order %s: %w", id, err)
	}
	order, err := s.Get(ctx, id)
	if errors.Is(err, ErrNoOrder) {
		return Order{}, fmt.Errorf("payment: create order %s: %w: another order has the idempotency key %s",
			id, ErrConflict, chargeKey(id, 1))
	}
	return order, err
}

// Get is one SELECT.
func (s *SQLStore) Get(ctx context.Context, id string) (Order, error) {
	order, err := scanOrder(s.db.QueryRowContext(ctx, selectOrder, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoOrder
	}
	if err != nil {
		return Order{}, fmt.Errorf("payment: order %s: %w", id, err)
	}
	return order, nil
}

// Move is one UPDATE; where it was refused, a SELECT finds out why.
func (s *SQLStore) Move(ctx context.Context, move Move) (Order, error) {
	if err := move.check(); err != nil {
		return Order{}, err
	}
	order, err := scanOrder(s.db.QueryRowContext(ctx, moveOrder,
		string(move.To), int64(move.Token), time.Now().UnixMilli(),
		move.Charge, move.Refund, move.Failure, move.Reason,
		move.Currency, move.Attempt, move.PaymentMethod, move.Capture, move.RefundParts,
		move.OrderID, string(move.From), move.Cents, move.KnownParts))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		order, err = s.Get(ctx, move.OrderID)
		if err == nil {
			err = move.refused(order)
		}
		return order, err
	case err != nil:
		return Order{}, fmt.Errorf("payment: move order %s to %s: %w", move.OrderID, move.To, err)
	}
	return order, nil
}

// Stuck is one SELECT by the index on state and time.
func (s *SQLStore) Stuck(
	ctx context.Context, before time.Time, cursor string, limit int,
) (orders []Order, next string, err error) {
	last, err := parseCursor(cursor)
	if err == nil && limit < 1 {
		err = fmt.Errorf("payment: %w: limit %d must be above 0", ErrInvalid, limit)
	}
	if err != nil {
		return nil, "", err
	}
	rows, err := s.db.QueryContext(ctx, selectStuck, before.UnixMilli(), last.since, last.id, limit)
	if err != nil {
		return nil, "", fmt.Errorf("payment: list the orders in processing: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		order, err := scanOrder(rows)
		if err != nil {
			return nil, "", fmt.Errorf("payment: list the orders in processing: %w", err)
		}
		orders = append(orders, order)
	}
	if len(orders) == limit {
		end := orders[limit-1]
		next = place{since: end.UpdatedAt.UnixMilli(), id: end.ID}.String()
	}
	return orders, next, rows.Err()
}

// scanOrder reads the columns of an order.
func scanOrder(row interface{ Scan(...any) error }) (Order, error) {
	var order Order
	var updated int64
	err := row.Scan(&order.ID, &order.State, &order.Cents, &order.Token,
		&order.Charge, &order.Refund, &order.Failure, &order.Reason, &updated,
		&order.Currency, &order.Attempt, &order.PaymentMethod, &order.Capture, &order.RefundParts)
	order.UpdatedAt = time.UnixMilli(updated).UTC()
	return order, err
}

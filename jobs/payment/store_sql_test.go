package payment_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/internal/postgrestest"
	"github.com/navvy-go/navvy/jobs/payment"
)

// onEachDatabase runs a test on every database, with nothing in it.
func onEachDatabase(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	t.Helper()
	for driver, source := range map[string]string{
		"pgx":    postgrestest.Database(t),
		"sqlite": "file:" + filepath.Join(t.TempDir(), "orders.db") + "?_pragma=busy_timeout(10000)",
	} {
		t.Run(driver, func(t *testing.T) {
			db, err := sql.Open(driver, source)
			must(t, err)
			defer db.Close()
			test(t, db)
		})
	}
}

// Of processes that start at the same time each finds the table made.
func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, db *sql.DB) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				store := payment.NewSQLStore(db)
				if err := store.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate: %v", err)
				}
				if _, err := store.Create(t.Context(), "o-1", 500); err != nil {
					t.Errorf("Create: %v", err)
				}
			})
		}
		all.Wait()
	})
}

func TestATableOfAnotherShapeIsReported(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, db *sql.DB) {
		_, err := db.ExecContext(t.Context(), "CREATE TABLE navvy_orders (id TEXT, state TEXT, updated_at BIGINT)")
		must(t, err)
		if err := payment.NewSQLStore(db).Migrate(t.Context()); err == nil {
			t.Error("Migrate: no error")
		}
	})
}

// The database is the last judge: it takes no second row for an order, no second order for a key, no other state.
func TestTheDatabaseKeepsOneOrderToAKey(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, db *sql.DB) {
		store := payment.NewSQLStore(db)
		must(t, store.Migrate(t.Context()))
		_, err := store.Create(t.Context(), "o-1", 500)
		must(t, err)
		insert := "INSERT INTO navvy_orders (id, idempotency_key, state, cents, token, updated_at) " +
			"VALUES ($1, $2, $3, $4, 0, 0)"
		for name, values := range map[string][]any{
			"the same order": {"o-1", "charge:other", "pending", 5},
			"the same key":   {"o-2", "charge:o-1", "pending", 5},
			"no such state":  {"o-2", "charge:o-2", "sold", 5},
			"no amount":      {"o-2", "charge:o-2", "pending", 0},
		} {
			if _, err := db.ExecContext(t.Context(), insert, values...); err == nil {
				t.Errorf("%s: inserted", name)
			}
		}
		_, err = db.ExecContext(t.Context(), insert, "stranger", "charge:o-3", "pending", 5)
		must(t, err)
		if _, err := store.Create(t.Context(), "o-3", 500); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("Create with a key that is taken: %v, want ErrConflict", err)
		}
	})
}

// earlierTable is the table of the version before orders had currencies, attempts and refunded parts.
const earlierTable = `CREATE TABLE navvy_orders (
    id              TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    state           TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'paid', 'failed', 'refunded')),
    cents           BIGINT NOT NULL CHECK (cents > 0),
    token           BIGINT NOT NULL,
    charge          TEXT NOT NULL DEFAULT '',
    refund          TEXT NOT NULL DEFAULT '',
    failure         TEXT NOT NULL DEFAULT '',
    reason          TEXT NOT NULL DEFAULT '',
    updated_at      BIGINT NOT NULL
)`

func TestMigrateKeepsTheOrdersOfAnEarlierTable(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, db *sql.DB) {
		for _, statement := range []string{
			earlierTable, "INSERT INTO navvy_orders (id, idempotency_key, state, cents, token, charge, updated_at) " +
				"VALUES ('o-1', 'charge:o-1', 'paid', 500, 7, 'ch_1', 1000)",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			must(t, err)
		}
		store := payment.NewSQLStore(db)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := store.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate: %v", err)
				}
			})
		}
		all.Wait()
		order, err := store.Get(t.Context(), "o-1")
		if err != nil || order.State != payment.Paid || order.Charge != "ch_1" || order.Token != 7 {
			t.Errorf("got %+v (%v)", order, err)
		}
		_, err = store.Create(t.Context(), "o-2", 500)
		must(t, err)
		cancelled, err := store.Move(t.Context(), payment.Move{
			OrderID: "o-2", From: payment.Pending, To: payment.Cancelled, Cents: 500, Token: 8,
		})
		if err != nil || cancelled.State != payment.Cancelled {
			t.Errorf("a new state: %+v (%v)", cancelled, err)
		}
	})
}

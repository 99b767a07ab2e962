package payment_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite" // the driver sqlite

	"github.com/navvy-go/navvy/internal/postgrestest"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
)

// bench is what a test of a store or of the service works on. The Redis and the database are its own.
type bench struct {
	rdb   redis.UniversalClient
	store payment.Store
	age   func(t *testing.T, id string, by time.Duration) // makes an order in processing older
}

// onEachStore runs a test on every store there is.
func onEachStore(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) bench{
		"redis": redisBench, "postgres": postgresBench, "sqlite": sqliteBench,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func redisBench(t *testing.T) bench { return benchOn(redistest.New(t).Client(t)) }

func benchOn(rdb redis.UniversalClient) bench {
	return bench{
		rdb: rdb, store: payment.NewRedisStore(rdb),
		age: func(t *testing.T, id string, by time.Duration) {
			t.Helper()
			must(t, rdb.ZIncrBy(t.Context(), "orders:processing", -float64(by.Milliseconds()), id).Err())
		},
	}
}

func postgresBench(t *testing.T) bench { return sqlBench(t, "pgx", postgrestest.Database(t)) }

func sqliteBench(t *testing.T) bench {
	path := filepath.Join(t.TempDir(), "orders.db")
	return sqlBench(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
}

func sqlBench(t *testing.T, driver, url string) bench {
	t.Helper()
	db, err := sql.Open(driver, url)
	must(t, err)
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = db.Close() })
	store := payment.NewSQLStore(db)
	must(t, store.Migrate(t.Context()))
	return bench{
		rdb: redistest.New(t).Client(t), store: store,
		age: func(t *testing.T, id string, by time.Duration) {
			t.Helper()
			_, err := db.ExecContext(t.Context(),
				"UPDATE navvy_orders SET updated_at = updated_at - $1 WHERE id = $2", by.Milliseconds(), id)
			must(t, err)
		},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until it is so.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatal("it did not happen within 30s")
		case <-tick.C:
		}
	}
}

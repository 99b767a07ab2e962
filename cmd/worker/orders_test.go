package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/postgrestest"
	"github.com/navvy-go/navvy/jobs/payment"
)

// opened runs the flag through openOrders and hands on what it found.
func opened(t *testing.T, url string, use func(payment.Store, error)) {
	t.Helper()
	app := &cli.App{
		Name: "worker", Flags: []cli.Flag{ordersFlag()}, Writer: io.Discard, ErrWriter: io.Discard,
		HideHelp:       true, // its flag is shared by everything in the process
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			store, closeOrders, err := openOrders(c)
			if err == nil {
				defer closeOrders()
			}
			use(store, err)
			return nil
		},
	}
	if err := app.RunContext(context.Background(), []string{"worker", "--orders-db", url}); err != nil {
		t.Fatal(err)
	}
}

func TestOrdersAreInTheDatabaseThatIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "or ders?#%41.db")
	for _, url := range []string{postgrestest.Database(t), "sqlite:" + path} {
		for range 2 { // the second finds what the first made
			opened(t, url, func(store payment.Store, err error) {
				if err != nil {
					t.Fatalf("%s: %v", url, err)
				}
				if order, err := store.Create(t.Context(), "o-1", 500); err != nil || order.Cents != 500 {
					t.Errorf("%s: %+v (%v)", url, order, err)
				}
			})
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	opened(t, "", func(store payment.Store, err error) {
		if store != nil || err != nil {
			t.Errorf("no database: %v (%v), want none", store, err)
		}
	})
}

func TestADatabaseThatCannotBeHadIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"mysql://shop:geheim@localhost/shop", "geheim", "sqlite:", "postgres://shop:geheim@host:port/x y",
		"postgres://shop:geheim@127.0.0.1:1/shop?sslmode=geheim", "postgres://shop:geheim@127.0.0.1:1/shop",
	} {
		opened(t, url, func(_ payment.Store, err error) {
			if err == nil || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: %v, want an error without the password", url, err)
			}
		})
	}
}

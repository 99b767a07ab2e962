package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/urfave/cli/v2"
	_ "modernc.org/sqlite" // the driver sqlite

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/jobs/payment"
)

const (
	ordersLimit       = 10 * time.Second // to reach the database and make its table
	ordersConnections = 10               // the database's connections are scarcer than this program's slots
	sqliteOptions     = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
)

func ordersFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "orders-db", Usage: "`URL` of the database that keeps orders, postgres://… or sqlite:/path; a password " +
			"belongs into NAVVY_ORDERS_DB, not here (default: Redis)",
	}
}

// openOrders returns the store that --orders-db names, or nil if it names none, and what closes it. No error repeats
// the URL, which may hold a password.
func openOrders(c *cli.Context) (payment.Store, func(), error) {
	text := c.String("orders-db")
	if text == "" {
		return nil, func() {}, nil
	}
	db, err := openDatabase(text)
	if err != nil {
		return nil, nil, command.Usage("--orders-db: %w; want postgres://user@host/database or sqlite:/path", err)
	}
	db.SetMaxOpenConns(ordersConnections)
	ctx, cancel := context.WithTimeout(c.Context, ordersLimit)
	defer cancel()
	store := payment.NewSQLStore(db)
	if err := store.Migrate(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the orders' database: %w", err), db.Close())
	}
	return store, func() { _ = db.Close() }, nil
}

func openDatabase(text string) (*sql.DB, error) {
	scheme, path, _ := strings.Cut(text, ":")
	switch {
	case scheme == "postgres" || scheme == "postgresql":
		config, err := pgx.ParseConfig(text)
		if err != nil {
			return nil, errors.New("not a URL of PostgreSQL")
		}
		return stdlib.OpenDB(*config), nil
	case scheme == "sqlite" && path != "":
		return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+sqliteOptions)
	}
	return nil, errors.New("it names no database")
}

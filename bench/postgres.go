package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/navvy-go/navvy/internal/postgrestest"
)

// postgresServer is a private PostgreSQL with River's tables. Like the private Redis it does not wait for its disk.
type postgresServer struct {
	postgres *postgrestest.Server
	admin    *pgxpool.Pool
}

// postgresSettings are in place of those that postgrestest has for small tests.
var postgresSettings = []string{"autovacuum=on", "shared_buffers=256MB", "max_wal_size=2GB"}

func startPostgres(ctx context.Context) (*postgresServer, error) {
	started, err := postgrestest.Start(ctx, postgresSettings...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	}
	s := &postgresServer{postgres: started}
	if err := s.prepare(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *postgresServer) prepare(ctx context.Context) (err error) {
	if s.admin, err = s.pool(ctx); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(s.admin), nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// pool has as many connections as go-redis has on two processors: pgx's own default is four.
func (s *postgresServer) pool(ctx context.Context) (*pgxpool.Pool, error) {
	return pgxpool.New(ctx, s.postgres.URL()+"&pool_max_conns=20")
}

func (s *postgresServer) stop() {
	if s.admin != nil {
		s.admin.Close()
	}
	s.postgres.Stop()
}

func (s *postgresServer) version(ctx context.Context) (string, error) {
	var version string
	err := s.admin.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return "PostgreSQL " + version, err
}

func (s *postgresServer) empty(ctx context.Context) error {
	_, err := s.admin.Exec(ctx, "TRUNCATE river_job")
	return err
}

// memory is what the table of jobs and its indexes take on disk.
func (s *postgresServer) memory(ctx context.Context) (float64, error) {
	var bytes int64
	err := s.admin.QueryRow(ctx, "SELECT pg_total_relation_size('river_job')").Scan(&bytes)
	return float64(bytes), err
}

// commands are not counted: PostgreSQL counts transactions, some time after them.
func (*postgresServer) commands(context.Context) (float64, error) { return 0, nil }

// cpu adds up all processes of the server.
func (s *postgresServer) cpu(context.Context) (time.Duration, error) {
	used, err := familyCPU(s.postgres.PID())
	if errors.Is(err, errors.ErrUnsupported) {
		return 0, nil
	}
	return used, err
}

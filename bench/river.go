package main

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// riverSystem is github.com/riverqueue/river on PostgreSQL.
type riverSystem struct {
	pool   *pgxpool.Pool
	data   *payloads
	client *river.Client[pgx.Tx] // inserts only
	worker *river.Client[pgx.Tx]
}

const riverBatch = 1000 // jobs of one InsertManyFast

func openRiver(ctx context.Context, s store, data *payloads) (system, error) {
	pool, err := s.(*postgresServer).pool(ctx)
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return inProcess{library: &riverSystem{pool: pool, data: data, client: client}, hasBulk: true}, nil
}

func (r *riverSystem) close(ctx context.Context) error {
	var stopped error
	if r.worker != nil {
		stopped = r.worker.Stop(ctx)
	}
	r.pool.Close()
	return stopped
}

func (r *riverSystem) enqueue(ctx context.Context, n int) error {
	_, err := r.client.Insert(ctx, r.data.args(n), nil)
	return err
}

func (r *riverSystem) fill(ctx context.Context, jobs int) error {
	for n := 0; n < jobs; {
		batch := make([]river.InsertManyParams, min(jobs-n, riverBatch))
		for i := range batch {
			batch[i].Args = r.data.args(n)
			n++
		}
		if _, err := r.client.InsertManyFast(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// riverWorker runs the jobs.
type riverWorker struct {
	river.WorkerDefaults[noop]
	handle func(n int)
}

// Work takes note of the job.
func (w *riverWorker) Work(_ context.Context, job *river.Job[noop]) error {
	w.handle(job.Args.number())
	return nil
}

func (r *riverSystem) consume(ctx context.Context, handle func(n int)) error {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &riverWorker{handle: handle}); err != nil {
		return err
	}
	worker, err := river.NewClient(riverpgxv5.New(r.pool), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}, Workers: workers,
		FetchCooldown: river.FetchCooldownMin, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := worker.Start(ctx); err != nil {
		return err
	}
	r.worker = worker
	return nil
}

func (r *riverSystem) drained(ctx context.Context) (bool, error) {
	var left bool
	err := r.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM river_job WHERE finalized_at IS NULL)").Scan(&left)
	return !left, err
}

package analytics_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/queue"
)

// A worker in a process of its own, to be killed: this test binary, started again with the address of its Redis in the
// environment.
const processEnv = "NAVVY_TEST_ANALYTICS"

const (
	lease = time.Second
	kills = 4 // of workers under a flood; a job may have been with each of them
)

// runAsWorker is the process's main; it reports whether this is one.
func runAsWorker() bool {
	addr := os.Getenv(processEnv)
	if addr == "" {
		return false
	}
	if err := work(addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func work(addr string) error {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	mux := queue.NewMux()
	analytics.New(rdb, analytics.Config{}).Register(mux)
	w, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Lease:      lease,
		MaxCrashes: kills + 1, // the point is what is counted, not that jobs are given up
		Queues: map[string]queue.QueueConfig{
			analytics.DefaultStream: {Raw: &queue.Raw{Kind: analytics.Track{}.Kind()}},
		},
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// startProcess starts a worker and returns what kills it, with SIGKILL.
func startProcess(t *testing.T, addr string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), processEnv+"="+addr), os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	return kill
}

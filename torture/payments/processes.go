package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/navvy-go/navvy/internal/testserver"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// fleet keeps worker processes running: whichever is killed is replaced.
type fleet struct {
	program string
	args    []string
	dir     string // of what they say

	wg sync.WaitGroup

	mu       sync.Mutex
	started  int
	stopping bool
	procs    []*exec.Cmd
	failures []string
}

// stopLimit is how long a worker may take to stop: its grace period, and some.
const stopLimit = 20 * time.Second

// run keeps n processes running until stop.
func (f *fleet) run(ctx context.Context, n int, rng *rand.Rand) {
	for range n {
		own := newRand(rng.Uint64())
		f.wg.Go(func() {
			for f.once() {
				pause.For(ctx, time.Duration(own.Int64N(int64(300*time.Millisecond))))
			}
		})
	}
}

// once runs one process to its end; it reports whether there is to be another.
func (f *fleet) once() bool {
	cmd, err := f.start()
	if err == nil && cmd == nil {
		return false
	}
	if err == nil {
		err = cmd.Wait()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.procs = slices.DeleteFunc(f.procs, func(other *exec.Cmd) bool { return other == cmd })
	var ended *exec.ExitError
	switch {
	case err == nil && f.stopping:
	case errors.As(err, &ended) && ended.ExitCode() == -1: // killed
	case errors.As(err, &ended) && ended.ExitCode() == 1 && !f.stopping: // Redis was away when it started
	default:
		f.failures = append(f.failures, fmt.Sprintf("a worker ended by itself: %v", err))
		return false
	}
	return !f.stopping
}

func (f *fleet) start() (*exec.Cmd, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return nil, nil
	}
	f.started++
	cmd := exec.Command(f.program, append(f.args, "--name", fmt.Sprintf("w%d", f.started))...)
	if err := begin(cmd, filepath.Join(f.dir, "workers.log")); err != nil {
		return nil, err
	}
	f.procs = append(f.procs, cmd)
	return cmd, nil
}

// kill ends one process at random with SIGKILL.
func (f *fleet) kill(rng *rand.Rand) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.procs) == 0 {
		return false
	}
	return f.procs[rng.IntN(len(f.procs))].Process.Signal(syscall.SIGKILL) == nil
}

// stop ends every process in good order, and says what went wrong.
func (f *fleet) stop() []string {
	f.mu.Lock()
	f.stopping = true
	for _, cmd := range f.procs {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	f.mu.Unlock()
	hung := time.AfterFunc(stopLimit, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.failures = append(f.failures, fmt.Sprintf("%d workers did not stop in %s", len(f.procs), stopLimit))
		for _, cmd := range f.procs {
			_ = cmd.Process.Signal(syscall.SIGKILL)
		}
	})
	f.wg.Wait()
	hung.Stop()
	return f.failures
}

// produce runs the producer processes to their end.
func produce(ctx context.Context, dir, addr string, orders int, long time.Duration) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	errs := make([]error, producers)
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() {
			text, err := json.Marshal(errand{Name: fmt.Sprintf("p%d", i+1), Addr: addr, Orders: orders, Long: long})
			if err != nil {
				errs[i] = err
				return
			}
			cmd := exec.CommandContext(ctx, program)
			cmd.Env = append(os.Environ(), producerEnv+"="+string(text))
			if errs[i] = begin(cmd, filepath.Join(dir, "producers.log")); errs[i] == nil {
				errs[i] = cmd.Wait()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("producers: %w; see %s", err, filepath.Join(dir, "producers.log"))
	}
	return nil
}

// begin starts a process that ends with this one, its output appended to a file.
func begin(cmd *exec.Cmd, path string) error {
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	return cmd.Start()
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

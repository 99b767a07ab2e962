package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/testserver"
)

// crashing are the contestants whose workers are killed. River takes a job for lost after an hour by default; Watermill
// has no leases, and starts again what has not been acknowledged for a minute, whether its worker lives or not.
const crashing = "navvy,asynq"

// crashDeadline bounds how long the jobs of one killed worker are waited for.
const crashDeadline = 5 * time.Minute

// measureCrashes kills a worker that has all its slots full, and takes the time until another one has started its jobs.
func measureCrashes(ctx context.Context, servers *stores, opts options, out, progress io.Writer) error {
	s, err := servers.needRedis(ctx)
	if err != nil {
		return err
	}
	killed, err := chosen(crashing)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d jobs of a killed worker\tfirst started again\tmedian\tlast\t\n", slots)
	for _, c := range killed {
		fmt.Fprintf(progress, "crash of %s\n", c.name)
		if err := s.empty(ctx); err != nil {
			return err
		}
		t := &trial{contestant: c, sizes: opts.sizes, store: s, data: newPayloads(opts.payloads[0])}
		waits, err := t.crash(ctx)
		if err != nil {
			return fmt.Errorf("bench: crash of %s: %w", c.name, err)
		}
		fmt.Fprintf(table, "%s\t%.1f s\t%.1f s\t%.1f s\t\n", c.name,
			quantile(waits, 0).Seconds(), quantile(waits, 0.5).Seconds(), quantile(waits, 1).Seconds())
	}
	return table.Flush()
}

// crash returns how long after the kill each job has started again.
func (t *trial) crash(ctx context.Context) (waits []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, crashDeadline)
	defer cancel()
	err = t.with(ctx, func(sys system) error {
		if err := sys.fill(ctx, slots); err != nil {
			return err
		}
		v, err := startVictim(ctx, t.name, t.store.(*redisServer).redis.Addr)
		if err != nil {
			return err
		}
		defer v.kill()
		if err := v.awaitStarts(slots); err != nil {
			return err
		}
		waits, err = rescue(ctx, sys.(inProcess), v)
		return err
	})
	return waits, err
}

// rescue starts another worker, kills the first, and waits until all its jobs have started again.
func rescue(ctx context.Context, sys inProcess, v *victim) ([]time.Duration, error) {
	starts := make(chan time.Time, 2*slots)
	var seen [slots]atomic.Bool
	err := sys.consume(ctx, func(n int) {
		if n < slots && !seen[n].Swap(true) {
			starts <- time.Now()
		}
	})
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*time.Second); err != nil { // it has sent its first heartbeats
		return nil, err
	}
	if len(starts) > 0 {
		return nil, errors.New("jobs started twice while their worker lived")
	}
	killed := time.Now()
	v.kill()
	var waits []time.Duration
	for len(waits) < slots {
		select {
		case start := <-starts:
			waits = append(waits, start.Sub(killed))
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d jobs have started again: %w", len(waits), slots, ctx.Err())
		}
	}
	return waits, nil
}

// victim is a worker in a process of its own, which is this program again. It prints a line for each job that starts,
// and no job of it ends.
type victim struct {
	cmd    *exec.Cmd
	starts *bufio.Scanner
}

// victimVariable names the contestant and the server to a victim: "navvy 127.0.0.1:6379".
const victimVariable = "NAVVY_BENCH_VICTIM"

func startVictim(ctx context.Context, contestant, addr string) (*victim, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), victimVariable+"="+contestant+" "+addr)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	starts, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &victim{cmd, bufio.NewScanner(starts)}, cmd.Start()
}

func (v *victim) awaitStarts(jobs int) error {
	for n := range jobs {
		if !v.starts.Scan() {
			return fmt.Errorf("the worker ended after %d jobs: %w", n, errors.Join(v.starts.Err(), v.cmd.Wait()))
		}
	}
	return nil
}

// kill ends the process with SIGKILL, once.
func (v *victim) kill() {
	if v.cmd.ProcessState == nil {
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
	}
}

// runAsVictim runs the worker that the environment names until it is killed. It returns false where there is none.
func runAsVictim(ctx context.Context) (bool, error) {
	name, addr, found := strings.Cut(os.Getenv(victimVariable), " ")
	if !found {
		return false, nil
	}
	contestants, err := chosen(name)
	if err != nil {
		return true, err
	}
	s := &redisServer{redis: &redistest.Server{Addr: addr}}
	sys, err := contestants[0].open(ctx, s, newPayloads(leastSize))
	if err != nil {
		return true, err
	}
	err = sys.(inProcess).consume(ctx, func(n int) {
		fmt.Println(n)
		<-ctx.Done()
	})
	if err != nil {
		return true, err
	}
	<-ctx.Done()
	return true, sys.close(context.WithoutCancel(ctx))
}

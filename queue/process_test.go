package queue_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
)

// A worker in a process of its own, to be killed: this test binary, started again with its configuration in the
// environment. It says on its output what its handlers do.

const processEnv = "NAVVY_TEST_WORKER"

type processConfig struct {
	Addr, Namespace, Name string
	Slots, ReadAhead      int
	Lease, Grace          time.Duration
	Crons                 []cronOfProcess
	DiesAtStart           bool // it kills itself once a job is started, before the handler
}

// cronOfProcess is a cron entry of every second that a process declares. Its jobs are counted by their IDs.
type cronOfProcess struct {
	Name    string
	CatchUp int
}

// runAsWorker is the process's main; it reports whether this is one.
func runAsWorker() bool {
	text := os.Getenv(processEnv)
	if text == "" {
		return false
	}
	if err := work(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func work(text string) error {
	var cfg processConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(words ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(words...)
	}
	mux := queue.NewMux()
	mux.HandleKind("quick", func(_ context.Context, run *queue.Run) error {
		say("start", run.ID)
		return nil
	})
	mux.HandleKind("exit", func(context.Context, *queue.Run) error { os.Exit(1); return nil })
	mux.HandleKind("hold", func(ctx context.Context, run *queue.Run) error {
		say("start", run.ID)
		<-ctx.Done()
		say("ended", run.ID, context.Cause(ctx))
		if errors.Is(context.Cause(ctx), queue.ErrLeaseLost) {
			return nil // as if it had succeeded: it must not count
		}
		return ctx.Err()
	})
	queue.HandleBatch(mux, func(ctx context.Context, jobs []*queue.Job[event]) error {
		for _, job := range jobs {
			if job.Args.Name == "exit" {
				os.Exit(1)
			}
			if job.Args.Name == "hold" {
				say("start", job.ID)
			}
		}
		if jobs[0].Args.Name == "hold" {
			<-ctx.Done()
		}
		return ctx.Err()
	}, queue.BatchOf(50), queue.BatchWithin(200*time.Millisecond))
	rdb := redis.NewClient(&redis.Options{Addr: cfg.Addr})
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[cronTick]) error {
		return rdb.HIncrBy(ctx, cfg.Namespace+"-ticks", job.ID, 1).Err()
	})
	crons := queue.CronConfig{Parse: cron.Parse}
	for _, c := range cfg.Crons {
		crons.Entries = append(crons.Entries, queue.Cron(c.Name, "* * * * * *", cronTick{}, queue.On("orders"),
			queue.CatchUp(c.CatchUp)))
	}
	w, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Namespace: cfg.Namespace, Cron: crons, Queues: map[string]queue.QueueConfig{"orders": {}}, Name: cfg.Name,
		Concurrency: cfg.Slots, ReadAhead: cfg.ReadAhead, Lease: cfg.Lease, Grace: cfg.Grace,
		Observer: queue.ObserverFunc(func(e queue.Event) {
			if cfg.DiesAtStart && e.Type == queue.EventStarted {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}),
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// process is a running worker process and what it has said.
type process struct {
	f   *fleet
	cmd *exec.Cmd

	mu    sync.Mutex
	lines []string
	ended chan struct{}
	err   error
}

func (f *fleet) process(cfg processConfig) *process {
	f.Helper()
	cfg.Addr, cfg.Namespace = f.server.Addr, f.namespace
	if cfg.Slots == 0 {
		cfg.Slots = 10
	}
	text, err := json.Marshal(cfg)
	f.must(err)
	p := &process{f: f, cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	f.must(err)
	f.must(p.cmd.Start())
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
		}
		p.err = p.cmd.Wait()
	}()
	f.Cleanup(func() { p.signal(syscall.SIGKILL); <-p.ended })
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// said counts the lines that begin so.
func (p *process) said(prefix string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, line := range p.lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// started waits until n handlers of the process have begun.
func (p *process) started(n int) {
	p.f.Helper()
	p.f.eventually(fmt.Sprintf("%d handlers have begun", n), func() bool { return p.said("start ") >= n })
}

// wait waits for the process's end and returns how long it took.
func (p *process) wait(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("the process does not end")
	}
	return time.Since(began)
}

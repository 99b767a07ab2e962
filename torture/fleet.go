package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/navvy-go/navvy/torture/internal/pause"
)

// fleet keeps a number of worker processes running: whichever ends is replaced.
type fleet struct {
	dir     string
	program string // this one, to be run again as a worker
	target  string // Redis
	lease   time.Duration
	book    *ledger

	wg sync.WaitGroup

	mu       sync.Mutex
	started  int
	stopping bool
	procs    []*proc
}

// proc is one worker process, from its start to its end.
type proc struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer // its end shows the process that the harness has died
	proxy *proxy
	ended chan struct{}
	code  int // exit status, once ended is closed; -1 killed by a signal

	busy bool // a fault is at work on it; guarded by the fleet
}

func newFleet(dir, target string, lease time.Duration, book *ledger) (*fleet, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("torture: find this program: %w", err)
	}
	return &fleet{dir: dir, program: program, target: target, lease: lease, book: book}, nil
}

// run keeps n processes running until stop.
func (f *fleet) run(ctx context.Context, n int, rng *rand.Rand) {
	for range n {
		seed := rng.Uint64()
		f.wg.Go(func() { f.keep(ctx, rand.New(rand.NewPCG(seed, 0))) })
	}
}

// keep runs one process after the other.
func (f *fleet) keep(ctx context.Context, rng *rand.Rand) {
	for {
		p, err := f.start()
		if err != nil {
			f.book.write(line{Said: saidEnded, Code: 2, Note: err.Error()})
			return
		}
		if p == nil {
			return
		}
		<-p.ended
		pause.For(ctx, time.Duration(rng.Int64N(int64(300*time.Millisecond))))
	}
}

// start starts a process; it returns nil when the fleet is stopping.
func (f *fleet) start() (*proc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return nil, nil
	}
	f.started++
	front, err := newProxy(f.target)
	if err != nil {
		return nil, err
	}
	p := &proc{name: fmt.Sprintf("w%d", f.started), proxy: front, ended: make(chan struct{})}
	if err := f.launch(p); err != nil {
		front.close()
		return nil, fmt.Errorf("torture: start worker %s: %w", p.name, err)
	}
	f.procs = append(f.procs, p)
	f.wg.Go(func() { f.await(p) })
	return p, nil
}

func (f *fleet) launch(p *proc) error {
	text, err := json.Marshal(orders{Name: p.name, Dir: f.dir, Addr: p.proxy.addr(), Lease: f.lease})
	if err != nil {
		return err
	}
	errs, err := os.Create(filepath.Join(f.dir, p.name+".err"))
	if err != nil {
		return err
	}
	defer errs.Close()
	p.cmd = exec.Command(f.program)
	p.cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = errs, errs
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	return p.cmd.Start()
}

// await notes the end of a process.
func (f *fleet) await(p *proc) {
	err := p.cmd.Wait()
	var status *exec.ExitError
	if errors.As(err, &status) {
		p.code = status.ExitCode()
	}
	f.book.write(line{Said: saidEnded, Proc: p.name, Code: p.code})
	f.mu.Lock()
	f.procs = slices.DeleteFunc(f.procs, func(other *proc) bool { return other == p })
	f.mu.Unlock()
	close(p.ended)
	p.proxy.close()
}

// borrow hands out a process that no other fault is at work on: the one of that name, or any. It must be given back.
func (f *fleet) borrow(rng *rand.Rand, name string) *proc {
	f.mu.Lock()
	defer f.mu.Unlock()
	var free []*proc
	for _, p := range f.procs {
		if !p.busy && (name == "" || name == p.name) {
			free = append(free, p)
		}
	}
	if len(free) == 0 {
		return nil
	}
	p := free[rng.IntN(len(free))]
	p.busy = true
	return p
}

func (f *fleet) giveBack(p *proc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.busy = false
}

func (f *fleet) alive() []*proc {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.procs)
}

// signal sends a signal; a process that has ended meanwhile is no one's concern.
func (p *proc) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// stop ends every process in good order, and replaces none.
func (f *fleet) stop() {
	f.mu.Lock()
	f.stopping = true
	f.mu.Unlock()
	for _, p := range f.alive() {
		f.terminate(p)
	}
	f.wg.Wait()
}

const (
	// A worker's way out after its grace period: what it was doing with Redis ends, and it leaves.
	wayOut = 2 * time.Second
	// However bad Redis is, a worker that goes on for so long after its grace hangs.
	hangs = 20 * time.Second
)

// terminate sends SIGTERM, waits for the end, and writes down both. A process that hangs is killed.
func (f *fleet) terminate(p *proc) {
	l := line{Said: saidFault, Fault: faultTerm, Proc: p.name, At: time.Now().UnixNano()}
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(graceOfWorker + hangs)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		l.Note = hung
		p.signal(syscall.SIGQUIT) // leaves the stacks in its .err file
		<-p.ended
	}
	l.Until, l.Code = time.Now().UnixNano(), p.code
	f.book.write(l)
}

// hung notes a worker that did not end at SIGTERM.
const hung = "did not end in time"

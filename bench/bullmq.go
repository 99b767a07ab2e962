package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/navvy-go/navvy/internal/testserver"
)

// bullFolder has the program that drives BullMQ, and the versions of its modules.
const bullFolder = "bullmq"

// bullSystem is BullMQ in a process of Node.js, which takes an order a line and answers each with a line.
type bullSystem struct {
	process *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
	mu      sync.Mutex
}

var _ system = (*bullSystem)(nil)

// bullOrder is what the process is to do; only the fields that an order needs are given.
type bullOrder struct {
	Do      string `json:"do"`
	Jobs    int    `json:"jobs,omitempty"`
	Callers int    `json:"callers,omitempty"`
	Samples int    `json:"samples,omitempty"`
	Rate    int    `json:"rate,omitempty"`
	Millis  int64  `json:"ms,omitempty"`
}

// bullAnswer has what the order asks for, or an error.
type bullAnswer struct {
	Error   string    `json:"error"`
	Done    int       `json:"done"`
	Drained bool      `json:"drained"`
	Micros  []float64 `json:"micros"`
	Behind  bool      `json:"behind"`
	CPU     float64   `json:"cpu"` // µs
}

func openBullMQ(ctx context.Context, s store, data *payloads) (system, error) {
	if err := bullReady(ctx); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(s.(*redisServer).redis.Addr)
	if err != nil {
		return nil, err
	}
	size, atOnce := strconv.Itoa(data.size()), strconv.Itoa(slots)
	b := &bullSystem{process: exec.Command("node", "bullmq.mjs", host, port, size, atOnce)}
	b.process.Dir, b.process.Stderr = bullFolder, os.Stderr
	b.process.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	if b.orders, err = b.process.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := b.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.answers = bufio.NewReader(answers)
	return b, b.process.Start()
}

// bullReady installs the modules that the lock file names, if they are not there. Without Node.js, npm or its registry
// BullMQ is absent.
var bullReady = onceOnly(func(ctx context.Context) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %w", errAbsent, err)
		}
	}
	if _, err := os.Stat(filepath.Join(bullFolder, "node_modules", "bullmq")); err == nil {
		return nil
	}
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--silent", "--ignore-scripts")
	install.Dir = bullFolder
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: npm ci: %w: %s", errAbsent, err, out)
	}
	return nil
})

// onceOnly does something once, and returns the same error from then on.
func onceOnly(do func(context.Context) error) func(context.Context) error {
	var once sync.Once
	var err error
	return func(ctx context.Context) error {
		once.Do(func() { err = do(ctx) })
		return err
	}
}

// ask sends one order and waits for its answer. When the context ends the process is killed: it has no way back from an
// order that does not end.
func (b *bullSystem) ask(ctx context.Context, order bullOrder) (bullAnswer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = b.process.Process.Kill() })
	defer stop()
	line, err := json.Marshal(order)
	if err != nil {
		return bullAnswer{}, err
	}
	if _, err := b.orders.Write(append(line, '\n')); err != nil {
		return bullAnswer{}, errors.Join(ctx.Err(), err)
	}
	line, err = b.answers.ReadBytes('\n')
	if err != nil {
		return bullAnswer{}, errors.Join(ctx.Err(), fmt.Errorf("node ended: %w", err))
	}
	var answer bullAnswer
	if err := json.Unmarshal(line, &answer); err != nil {
		return bullAnswer{}, fmt.Errorf("%q: %w", line, err)
	}
	if answer.Error != "" {
		return bullAnswer{}, errors.New(answer.Error)
	}
	return answer, nil
}

func (b *bullSystem) enqueue(ctx context.Context, jobs, callers int, longest time.Duration) (int, error) {
	answer, err := b.ask(ctx, bullOrder{Do: "enqueue", Jobs: jobs, Callers: callers, Millis: longest.Milliseconds()})
	return answer.Done, err
}

func (b *bullSystem) fill(ctx context.Context, jobs int) error {
	_, err := b.ask(ctx, bullOrder{Do: "fill", Jobs: jobs})
	return err
}

func (*bullSystem) bulk() bool { return true }

func (b *bullSystem) drain(ctx context.Context, jobs int) error {
	_, err := b.ask(ctx, bullOrder{Do: "drain", Jobs: jobs})
	return err
}

func (b *bullSystem) drained(ctx context.Context) (bool, error) {
	answer, err := b.ask(ctx, bullOrder{Do: "drained"})
	return answer.Drained, err
}

func (b *bullSystem) idle(ctx context.Context, samples int, longest time.Duration) ([]time.Duration, error) {
	answer, err := b.ask(ctx, bullOrder{Do: "idle", Samples: warmUp + samples, Millis: longest.Milliseconds()})
	return answer.waits(), err
}

func (b *bullSystem) paced(ctx context.Context, rate int, long time.Duration) ([]time.Duration, error) {
	answer, err := b.ask(ctx, bullOrder{Do: "paced", Rate: rate, Millis: long.Milliseconds()})
	if err == nil && answer.Behind {
		err = errBehind
	}
	return answer.waits(), err
}

func (a bullAnswer) waits() []time.Duration {
	waits := make([]time.Duration, len(a.Micros))
	for i, micros := range a.Micros {
		waits[i] = time.Duration(micros * float64(time.Microsecond))
	}
	return waits
}

func (b *bullSystem) usage(ctx context.Context) (usage, error) {
	answer, err := b.ask(ctx, bullOrder{Do: "usage"})
	return usage{cpu: time.Duration(answer.CPU * float64(time.Microsecond))}, err
}

// close ends the process, which closes its worker first.
func (b *bullSystem) close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = b.process.Process.Kill() })
	defer stop()
	return errors.Join(b.orders.Close(), b.process.Wait())
}

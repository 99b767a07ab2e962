package lockmgr_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// A user of locks in a process of its own, to be frozen and killed: this test binary, started again with its task in
// the environment. It reports what happens on its output and reads commands on its input, line by line.

const processEnv = "NAVVY_TEST_LOCKS"

type task struct {
	Do      string // a key of tasks
	Addr    string // of the Redis with the locks
	Store   string // address of the Redis with what the locks guard
	Name    string
	Callers int
	For     time.Duration
	TTL     time.Duration
	Fair    bool
}

// child is a task under way.
type child struct {
	task
	locks    *lockmgr.Manager
	rdb      *redis.Client // with what the locks guard
	commands *bufio.Scanner
	mu       sync.Mutex
}

var tasks = map[string]func(context.Context, *child) error{
	"contend": contend, "arrive": arrive, "hold": hold, "once": callOnce, "stop in once": stopInOnce,
}

// runsAsChild is the main of such a process; it reports whether this is one.
func runsAsChild() bool {
	text := os.Getenv(processEnv)
	if text == "" {
		return false
	}
	if err := runChild(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func runChild(text string) error {
	c := &child{commands: bufio.NewScanner(os.Stdin)}
	if err := json.Unmarshal([]byte(text), &c.task); err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: c.Addr, PoolSize: 64})
	defer rdb.Close()
	c.rdb = redis.NewClient(&redis.Options{Addr: c.Store, PoolSize: 64})
	defer c.rdb.Close()
	c.locks = lockmgr.New(rdb)
	defer c.locks.Close()
	return tasks[c.Do](context.Background(), c)
}

func (c *child) report(words ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Println(words...)
}

// nextCommand waits for the next line of the input, which ends with the parent.
func (c *child) nextCommand() (string, error) {
	if !c.commands.Scan() {
		return "", io.ErrUnexpectedEOF
	}
	return c.commands.Text(), nil
}

// process is such a process as the test sees it.
type process struct {
	*testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // closed at its end
}

func start(t *testing.T, task task) *process {
	t.Helper()
	text, err := json.Marshal(task)
	locktest.Must(t, err)
	p := &process{T: t, cmd: exec.Command(os.Args[0]), lines: make(chan string, 1000)}
	p.cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	locktest.Must(t, err)
	out, err := p.cmd.StdoutPipe()
	locktest.Must(t, err)
	locktest.Must(t, p.cmd.Start())
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(p.lines)
		lines := bufio.NewScanner(out)
		for lines.Buffer(nil, 16<<20); lines.Scan(); {
			p.lines <- lines.Text()
		}
	})
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		for range p.lines {
		}
		reader.Wait()
		_ = p.cmd.Wait()
	})
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) send(words ...any) {
	p.Helper()
	_, err := fmt.Fprintln(p.in, words...)
	locktest.Must(p.T, err)
}

// expect waits for the next line, which must begin with a word, and returns the rest of it.
func (p *process) expect(word string) string {
	p.Helper()
	select {
	case line, open := <-p.lines:
		rest, found := strings.CutPrefix(line, word+" ")
		if !open || !found {
			p.Fatalf("the process said %q, want %q", line, word)
		}
		return rest
	case <-time.After(60 * time.Second):
		p.Fatalf("the process did not say %q within 60 s", word)
	}
	return ""
}

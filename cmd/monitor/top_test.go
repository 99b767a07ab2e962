package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

const patience = time.Minute

// terminal is a real terminal with monitor top in it.
type terminal struct {
	keys, screen *os.File // the person's side, and the program's
	status       chan int
	reading      sync.WaitGroup

	mutex sync.Mutex
	drawn bytes.Buffer
}

func openTop(t *testing.T, args ...string) *terminal {
	t.Helper()
	keys, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(screen, &pty.Winsize{Cols: 140, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{keys: keys, screen: screen, status: make(chan int, 1)}
	term.reading.Go(term.read)
	ctx, cancel := context.WithCancel(t.Context())
	app := newApp()
	app.Reader, app.Writer, app.ErrWriter = screen, screen, t.Output()
	var running sync.WaitGroup
	running.Go(func() { term.status <- command.Run(ctx, app, append([]string{"monitor", "top"}, args...)) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = screen.Close()
		_ = keys.Close()
		term.reading.Wait()
	})
	return term
}

// read keeps what the program draws, until the terminal is closed.
func (term *terminal) read() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := term.keys.Read(buffer)
		term.mutex.Lock()
		term.drawn.Write(buffer[:n])
		term.mutex.Unlock()
		if err != nil {
			return
		}
	}
}

func (term *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// take returns what was drawn since it was last called.
func (term *terminal) take() string {
	term.mutex.Lock()
	defer term.mutex.Unlock()
	text := term.drawn.String()
	term.drawn.Reset()
	return text
}

// await has the whole screen drawn again and again until ok, given its text, is true.
func (term *terminal) await(t *testing.T, what string, ok func(text string) bool) {
	t.Helper()
	const redraw = "\x0c" // ctrl+l
	first := true         // not at once, for esc and a key right after it are one key
	until(t, what, func() bool {
		if ok(ansi.Strip(term.take())) {
			return true
		}
		if !first {
			term.press(t, redraw)
		}
		first = false
		return false
	})
}

func (term *terminal) shows(t *testing.T, want string) {
	t.Helper()
	term.await(t, "the screen shows "+want, func(text string) bool { return strings.Contains(text, want) })
}

// ends waits for the program to end in good order.
func (term *terminal) ends(t *testing.T) {
	t.Helper()
	select {
	case status := <-term.status:
		if status != command.StatusDone {
			t.Errorf("top ended with status %d", status)
		}
	case <-time.After(patience):
		t.Fatal("top does not end")
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", patience, what)
		}
	}
}

// startHolding starts a worker whose handler holds each job until it is released, and returns how those ended.
func startHolding(t *testing.T, rdb redis.UniversalClient, name string) <-chan error {
	t.Helper()
	ended := make(chan error, 10)
	mux := queue.NewMux()
	mux.HandleKind("k", func(ctx context.Context, _ *queue.Run) error {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return context.Cause(ctx)
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{name: {}}, Concurrency: 1, ReadAhead: -1, Grace: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = worker.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return ended
}

func TestTopInATerminal(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := server.Client(t)
	inspector := newInspector(t, rdb, "")
	enqueue(t, rdb, "", "mail", 1)
	bury(t, rdb, "", "mail")
	enqueue(t, rdb, "", "orders", 3)
	ended := startHolding(t, rdb, "orders")
	infoOf := func(name string) inspect.QueueInfo {
		info, err := inspector.Queue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	until(t, "a worker has a job", func() bool { return infoOf("orders").InFlight == 1 })

	term := openTop(t, "--redis", server.URL(), "--interval", "100ms")
	term.shows(t, "> mail")
	term.press(t, "j")
	term.shows(t, "> orders")
	term.press(t, "p")
	term.shows(t, "orders: paused")
	if order := infoOf("orders").Paused; order == nil || order.By == "" {
		t.Errorf("p paused the queue as %+v", order)
	}

	term.press(t, "3")
	term.shows(t, "alive")
	term.press(t, "\r")
	term.shows(t, "heartbeat")
	term.press(t, "ccancel\r")
	select {
	case err := <-ended:
		if !errors.Is(err, queue.ErrCancelled) {
			t.Errorf("the handler of the cancelled job ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatalf("the cancelled job goes on; the screen: %s", ansi.Strip(term.take()))
	}
	until(t, "the job is cancelled", func() bool { return infoOf("orders").Cancelled == 1 })

	term.press(t, "\x1b") // apart from the next key, or it were alt-4
	term.shows(t, "no job")
	term.press(t, "4h")
	term.shows(t, "cancelled by its handler")
	term.press(t, "r")
	until(t, "the dead job is requeued", func() bool { return infoOf("mail").Dead == 0 && infoOf("mail").Waiting == 1 })

	survive(t, term, server)
	term.press(t, "q")
	term.ends(t)
	until(t, "the terminal is as it was", func() bool { return strings.Contains(term.take(), "\x1b[?1049l") })
}

// survive ends Redis and starts it again under the screen.
func survive(t *testing.T, term *terminal, server *redistest.Server) {
	t.Helper()
	server.Kill()
	term.shows(t, "Redis does not answer")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	term.await(t, "the banner goes", func(text string) bool {
		return strings.Contains(text, "Pending") && strings.Contains(text, "queue mail") &&
			!strings.Contains(text, "does not answer")
	})
}

func TestTopActsOnAllThatMatch(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	inspector := newInspector(t, rdb, namespace)
	for range 3 {
		enqueue(t, rdb, namespace, "orders", 1)
		bury(t, rdb, namespace, "orders")
	}
	dead := func() int64 {
		info, err := inspector.Queue(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		return info.Dead
	}
	if n := dead(); n != 3 {
		t.Fatalf("%d jobs are dead, not 3", n)
	}
	term := openTop(t, "--redis", redistest.Shared(t).URL(), "--namespace", namespace, "--interval", "100ms")
	term.shows(t, "> orders")
	term.press(t, "4/kind:k\rR")
	term.shows(t, "3 dead jobs of orders that match kind:k: type requeue")
	term.press(t, "requeue\r")
	until(t, "no job is dead", func() bool { return dead() == 0 })
	term.shows(t, "3 requeued")
	term.press(t, "\x03") // ctrl+c
	term.ends(t)
}

func TestTopWithoutColours(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", 1)
	term := openTop(t, "--redis", redistest.Shared(t).URL(), "--namespace", namespace)
	drawn := ""
	until(t, "the queue without workers is shown", func() bool {
		drawn += term.take()
		return strings.Contains(ansi.Strip(drawn), "no workers")
	})
	for _, colour := range []string{"\x1b[31m", "\x1b[36m", "\x1b[33m", ";31m", ";36m"} {
		if strings.Contains(drawn, colour) {
			t.Errorf("NO_COLOR is set, and %q is drawn", colour)
		}
	}
	term.press(t, "q")
	term.ends(t)
}

func TestTopRefuses(t *testing.T) {
	t.Parallel()
	for what, args := range map[string][]string{
		"needs a terminal":             nil,
		"--interval 1ms: want 100ms":   {"--interval", "1ms"},
		`unexpected argument "orders"`: {"orders"},
	} {
		app := newApp()
		var out, errs bytes.Buffer
		app.Reader, app.Writer, app.ErrWriter = &bytes.Buffer{}, &out, &errs
		status := command.Run(t.Context(), app, append([]string{"monitor", "top"}, args...))
		if status != command.StatusUsage || !strings.Contains(errs.String(), what) || out.Len() > 0 {
			t.Errorf("top %v: status %d, %q, %q on stdout", args, status, errs.String(), out.String())
		}
	}
}

func TestTopReadsOnlyWhatIsSeen(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	enqueue(t, rdb, "", "orders", 2)
	reader := newTopReader(newInspector(t, rdb, ""), time.Second)
	if got := reader.read(t.Context(), scope{}); got.err != nil || len(got.queues) != 1 || got.queues[0].Waiting != 2 {
		t.Fatalf("read %+v", got)
	}
	before, err := rdb.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	reader.read(t.Context(), scope{pane: paneQueues, queue: "orders"})
	after, err := rdb.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	commands := statOf(t, after, "total_commands_processed") - statOf(t, before, "total_commands_processed")
	if t.Logf("a reading of one queue: %d commands", commands); commands > 20 {
		t.Errorf("a reading of one queue costs %d commands", commands)
	}
	gone := reader.read(t.Context(), scope{pane: paneDead, queue: "orders", job: "nothing"})
	if gone.err != nil || !errors.Is(gone.jobErr, inspect.ErrNotFound) {
		t.Errorf("a job that is gone: %v, %v", gone.err, gone.jobErr)
	}
	server.Kill()
	if got := reader.read(t.Context(), scope{}); got.err == nil {
		t.Error("a dead Redis could be read")
	}
}

func statOf(t *testing.T, info, name string) int {
	t.Helper()
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

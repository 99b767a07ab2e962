package cache_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

// A reader in a process of its own: this test binary, started again with its task in the environment.

const readerEnv = "NAVVY_TEST_READER"

type readerTask struct {
	Addr, Key string
	Readers   int
	Hang      bool          // the loader never returns
	Takes     time.Duration // the loader, otherwise
}

// runAsReader is the process's main; it reports whether this is one. It says "loading" when its loader begins, and
// "got <n> <value>" for how many readers got the value.
func runAsReader() bool {
	text := os.Getenv(readerEnv)
	if text == "" {
		return false
	}
	var task readerTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: task.Addr})
	c := cache.New(rdb, cache.Config{Lease: time.Second})
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // all begin at once
	load := func(ctx context.Context) (string, error) {
		fmt.Println("loading")
		rdb.Incr(ctx, "loads")
		if task.Hang {
			<-make(chan struct{})
		}
		<-time.After(task.Takes)
		return fmt.Sprintf("by-%d", os.Getpid()), nil
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[string]int{}
	for range task.Readers {
		wg.Go(func() {
			value, err := cache.GetOrLoad(context.Background(), c, task.Key, load)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				value = "error:" + strings.ReplaceAll(err.Error(), " ", "_")
			}
			got[value]++
		})
	}
	wg.Wait()
	for value, n := range got {
		fmt.Println("got", n, value)
	}
	return true
}

type reader struct {
	cmd   *exec.Cmd
	begin func()
	lines chan string
}

func startReader(t *testing.T, task readerTask) *reader {
	t.Helper()
	text, err := json.Marshal(task)
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), readerEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	r := &reader{cmd: cmd, lines: make(chan string, 100), begin: func() { _, _ = in.Write([]byte("\n")) }}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.lines <- lines.Text()
		}
		close(r.lines)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	r.await(t, "ready")
	return r
}

// await returns the next line that begins so.
func (r *reader) await(t *testing.T, prefix string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case line, ok := <-r.lines:
			if !ok {
				t.Fatalf("the process ended without saying %q", prefix)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-deadline:
			t.Fatalf("the process does not say %q", prefix)
		}
	}
}

func TestAThousandReadersInFourProcessesLoadOnce(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	var readers []*reader
	for range 4 {
		readers = append(readers, startReader(t, readerTask{
			Addr: server.Addr, Key: "user:profile:1", Readers: 250, Takes: 100 * time.Millisecond,
		}))
	}
	for _, r := range readers {
		r.begin()
	}
	values := map[string]bool{}
	for _, r := range readers {
		line := r.await(t, "got ")
		if !strings.HasPrefix(line, "got 250 by-") {
			t.Errorf("a process says %q, want one value for its 250 readers", line)
		}
		values[line] = true
	}
	if loads := rdb.Get(t.Context(), "loads").Val(); loads != "1" || len(values) != 1 {
		t.Errorf("%s loads, values %v: want one", loads, values)
	}
}

func TestAKilledLoaderIsSucceeded(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	victim := startReader(t, readerTask{Addr: server.Addr, Key: "k", Readers: 1, Hang: true})
	victim.begin()
	victim.await(t, "loading")
	heir := startReader(t, readerTask{Addr: server.Addr, Key: "k", Readers: 100})
	heir.begin()
	killed := time.Now()
	must(t, victim.cmd.Process.Kill())
	heir.await(t, "loading")
	took := time.Since(killed)
	if line := heir.await(t, "got "); !strings.HasPrefix(line, "got 100 by-") {
		t.Errorf("the heir says %q", line)
	}
	t.Logf("taken over after %s with a lease of 1 s", took)
	if took > 5*time.Second {
		t.Errorf("taken over after %s, want about the lease of 1 s", took)
	}
}

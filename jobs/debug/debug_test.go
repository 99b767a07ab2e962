package debug_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/debug"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// victimOf names the Redis on which this binary, run again, is a worker for debug.exit to end.
const victimOf = "NAVVY_TEST_VICTIM_OF"

func TestMain(m *testing.M) {
	if addr := os.Getenv(victimOf); addr != "" {
		beVictim(addr)
	}
	code := redistest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// beVictim runs a worker until a job ends the process, which exits with a status of its own if none does.
func beVictim(addr string) {
	ctx, cancel := context.WithTimeout(context.Background(), jobtest.Patience)
	defer cancel()
	mux := queue.NewMux()
	debug.Register(mux)
	worker, err := queue.NewWorker(redis.NewClient(&redis.Options{Addr: addr}), mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{queue.DefaultQueue: {}},
	})
	if err == nil {
		err = worker.Run(ctx)
	}
	fmt.Fprintln(os.Stderr, "no job ended this worker:", err)
	os.Exit(3)
}

func start(t *testing.T) *jobtest.Fleet {
	t.Helper()
	mux := queue.NewMux()
	debug.Register(mux)
	return jobtest.Start(t, redistest.Shared(t).Client(t), mux, nil)
}

func TestSleepTakesItsTime(t *testing.T) {
	t.Parallel()
	fleet := start(t)
	ended := fleet.Run(t, debug.Sleep{MS: 30})
	if ended.Type != queue.EventDone || ended.Took < 30*time.Millisecond {
		t.Errorf("ended as %s after %s (%v), want it done after 30ms or more", ended.Type, ended.Took, ended.Err)
	}
	for _, ms := range []int64{-1, 1 << 62} {
		if ended := fleet.Run(t, debug.Sleep{MS: ms}); ended.Type != queue.EventDead {
			t.Errorf("to sleep for %d ms ended as %s", ms, ended.Type)
		}
	}
}

func TestSleepHonoursItsContext(t *testing.T) {
	t.Parallel()
	ended := start(t).Run(t, debug.Sleep{MS: 3_600_000}, queue.Timeout(20*time.Millisecond), queue.MaxAttempts(1))
	if ended.Type != queue.EventDead || !errors.Is(ended.Err, queue.ErrTimeout) {
		t.Errorf("ended as %s (%v), want it dead with ErrTimeout", ended.Type, ended.Err)
	}
}

func TestFailFailsAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	fleet := start(t)
	ended := fleet.Run(t, debug.Fail{Times: 2}, queue.Backoff(time.Millisecond, time.Millisecond))
	if ended.Type != queue.EventDone || ended.Attempt != 3 {
		t.Errorf("ended as %s at attempt %d, want it done at the third", ended.Type, ended.Attempt)
	}
	if failed := fleet.Count(ended.Job, queue.EventFailed); failed != 2 {
		t.Errorf("%d attempts failed, want 2", failed)
	}
}

func TestPanicIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	ended := start(t).Run(t, queue.JSON("debug.panic", []byte("{}")), queue.MaxAttempts(1))
	if panicked := new(queue.PanicError); ended.Type != queue.EventDead || !errors.As(ended.Err, &panicked) {
		t.Errorf("ended as %s (%v), want it dead with a PanicError", ended.Type, ended.Err)
	}
}

func TestEchoRecordsItsData(t *testing.T) {
	t.Parallel()
	fleet := start(t)
	ended := fleet.Run(t, queue.JSON("debug.echo", []byte(`{"a":[1,"b"]}`)))
	info, err := fleet.Inspector.Job(t.Context(), queue.DefaultQueue, ended.Job)
	if err != nil || info.State != inspect.StateDone || string(info.Result) != `{"a":[1,"b"]}` {
		t.Errorf("job: %+v (%v), want its data as result", info, err)
	}
}

func TestExitEndsTheWorkersProcess(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	client, err := queue.NewClient(server.Client(t), queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := client.Enqueue(t.Context(), queue.JSON("debug.exit", []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	victim := exec.CommandContext(t.Context(), os.Args[0])
	victim.Env = append(os.Environ(), victimOf+"="+server.Addr)
	output, err := victim.CombinedOutput()
	if status := victim.ProcessState.ExitCode(); status != 1 {
		t.Errorf("the worker ended with status %d (%v): %s", status, err, output)
	}
}

package eventlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/eventlog"
	"github.com/navvy-go/navvy/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, level zerolog.Level, event queue.Event) map[string]any {
	t.Helper()
	var out bytes.Buffer
	eventlog.New(zerolog.New(&out).Level(level)).Observe(event)
	if out.Len() == 0 {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	return fields
}

func TestEveryFieldOfAnEvent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_700_000, time.UTC)
	got := write(t, zerolog.DebugLevel, queue.Event{
		Type: queue.EventFailed, Time: at, Queue: "orders", Worker: "w-1", Job: "j", Kind: "k", Attempt: 2,
		Redelivered: 1, Wait: time.Second, Took: 1500 * time.Microsecond, Due: at.Add(time.Minute), Count: 3,
		By: "olga", Err: errors.New("it broke"),
	})
	want := map[string]any{
		"level": "debug", "event": "job.failed", "time": "2026-01-02T03:04:05.006Z", "queue": "orders", "worker": "w-1",
		"job": "j", "kind": "k", "attempt": 2.0, "redelivered": 1.0, "wait_ms": 1000.0, "took_ms": 1.5,
		"due": "2026-01-02T03:05:05.006Z", "count": 3.0, "by": "olga", "error": "it broke",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestZeroFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	got := write(t, zerolog.DebugLevel, queue.Event{Type: queue.EventStarted})
	if want := (map[string]any{"level": "debug", "event": "job.started"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for event, want := range map[queue.EventType]string{
		queue.EventDead: "warn", queue.EventLeaseLost: "warn", queue.EventRedisError: "warn", queue.EventWarning: "warn",
		queue.EventWorkerJoined: "info", queue.EventWorkerReaped: "info", queue.EventDone: "debug",
	} {
		if got := write(t, zerolog.DebugLevel, queue.Event{Type: event})["level"]; got != want {
			t.Errorf("%s is written at %v, want %s", event, got, want)
		}
	}
	if got := write(t, zerolog.InfoLevel, queue.Event{Type: queue.EventDone}); got != nil {
		t.Errorf("a debug event at level info: %v", got)
	}
}

package inspect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// Whatever is asked of a cron entry, an error says whether the queue or the entry is not there, and makes neither.
func TestCronOfNoQueueAndOfNoEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue("k", `{}`)
	ctx, look := t.Context(), w.look
	edit := func(s *inspect.CronSettings) { s.Spec = "@daily" }
	calls := map[string]func(queue string) error{
		"look":    func(queue string) error { _, err := look.Cron(ctx, queue, "x"); return err },
		"history": func(queue string) error { _, err := look.CronHistory(ctx, queue, "x"); return err },
		"edit":    func(queue string) error { _, err := look.EditCron(ctx, queue, "x", edit); return err },
		"pause":   func(queue string) error { _, err := look.PauseCron(ctx, queue, "x"); return err },
		"resume":  func(queue string) error { _, err := look.ResumeCron(ctx, queue, "x"); return err },
		"run":     func(queue string) error { _, err := look.RunCron(ctx, queue, "x"); return err },
		"delete":  func(queue string) error { return look.DeleteCron(ctx, queue, "x") },
	}
	for name, call := range calls {
		err := call("nowhere")
		if !errors.Is(err, inspect.ErrNoQueue) || !errors.Is(err, inspect.ErrNotFound) || errors.Is(err, inspect.ErrNoCron) ||
			strings.Contains(err.Error(), "job") {
			t.Errorf("%s of no queue: %v", name, err)
		}
		err = call("orders")
		if !errors.Is(err, inspect.ErrNoCron) || errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s of no entry: %v", name, err)
		}
	}
	if _, err := look.Crons(ctx, "nowhere"); !errors.Is(err, inspect.ErrNoQueue) {
		t.Errorf("list of no queue: %v", err)
	}
	if names, err := look.Queues(ctx); err != nil || len(names) != 1 {
		t.Errorf("asking has made queues: %q, %v", names, err)
	}
}

package inspect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestLargeJobsAreNotAllRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := []byte(`"` + strings.Repeat("y", 500_000) + `"`)
	for n := range 20 {
		_, err := w.client.Enqueue(t.Context(), queue.JSON("debug.echo", data), queue.On("orders"),
			queue.ID(fmt.Sprint("big-", n)))
		w.must(err)
	}
	page, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting},
		inspect.Page{MaxData: 1000})
	w.must(err)
	if n := len(page.Jobs); n < 2 || n >= 20 || !page.Truncated || page.Next == "" {
		t.Errorf("%d jobs for a view, truncated: %t", n, page.Truncated)
	}
	for _, job := range page.Jobs {
		if job.Data != nil || job.LeftOut != int64(len(data)) {
			t.Errorf("%s: %d bytes, %d left out", job.ID, len(job.Data), job.LeftOut)
		}
	}
	if _, err := w.look.Job(t.Context(), "orders", "none"); !errors.Is(err, inspect.ErrNotSeen) {
		t.Errorf("an ID that no guard leads to: %v", err)
	}
	if job, err := w.look.Job(t.Context(), "orders", "big-19"); err != nil || len(job.Data) != len(data) {
		t.Errorf("the last one: %d bytes, %v", len(job.Data), err)
	}
}

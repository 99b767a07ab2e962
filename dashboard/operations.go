package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

const operationsKept = 50

// operations are the actions that people have begun at this monitor and that take long. They go on when the page has
// been left, and end with the monitor.
type operations struct {
	ctx     context.Context
	running sync.WaitGroup

	mu     sync.Mutex
	all    []*operation // the latest last
	closed bool
}

var errStopping = errors.New("the monitor is stopping: ask again in a moment")

// operation is one of them.
type operation struct {
	ID    string
	ended chan struct{}

	mu    sync.Mutex
	state operationState
}

// operationState is the progress of an operation.
type operationState struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Who     string    `json:"who"`
	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended,omitzero"`
	Of      int64     `json:"of"` // about
	Done    int64     `json:"done"`
	Result  string    `json:"result,omitempty"`
	Failure string    `json:"failure,omitempty"`
}

// begin starts an operation, unless the monitor is stopping. do reports its progress, and returns what came of it.
func (o *operations) begin(
	title string, user User, of int64, do func(ctx context.Context, progress func(done int64)) (string, error),
) (*operation, error) {
	op := &operation{ID: rand.Text()[:12], ended: make(chan struct{})}
	op.state = operationState{ID: op.ID, Title: title, Who: user.Name, Begun: time.Now(), Of: of}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, errStopping
	}
	o.all = append(o.all, op)
	if len(o.all) > operationsKept {
		o.all = slices.Delete(o.all, 0, 1)
	}
	o.running.Go(func() {
		defer close(op.ended)
		result, err := do(o.ctx, func(done int64) { op.change(func(s *operationState) { s.Done = done }) })
		failure := ""
		switch {
		case errors.Is(err, context.Canceled):
			failure = "the monitor was stopped before the end; what was done stays done"
		case err != nil:
			failure = shownText(err)
		}
		op.change(func(s *operationState) { s.Ended, s.Result, s.Failure = time.Now(), result, failure })
	})
	return op, nil
}

// close refuses operations from now on, and waits for those under way; their context has ended.
func (o *operations) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.running.Wait()
}

func (op *operation) change(do func(*operationState)) {
	op.mu.Lock()
	defer op.mu.Unlock()
	do(&op.state)
}

func (op *operation) current() operationState {
	op.mu.Lock()
	defer op.mu.Unlock()
	return op.state
}

func (op *operation) endsWithin(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-op.ended:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

var operationPage = page{section: "audit", title: "In progress", template: "operation", load: loadOperation}

func loadOperation(_ context.Context, d *Dashboard, r *Request) (any, error) {
	d.operations.mu.Lock()
	defer d.operations.mu.Unlock()
	for _, op := range d.operations.all {
		if op.ID == r.PathValue("id") {
			return op.current(), nil
		}
	}
	return nil, inspect.ErrNotFound
}

package queue

import (
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Slots need not wait until Redis has taken an outcome that is more than an acknowledgement: some hundred small ones
// are recorded while their slots run the next jobs, and travel together. The session holds those jobs until then.
const (
	detachedMost  = 4 * wire.MovesAtOnce
	detachedBytes = 16 << 10        // of a job; the outcome of a larger one keeps its slot
	fullFor       = 2 * time.Second // Redis counts as full for so long after it was: outcomes then keep their slots
)

// detached are the jobs whose outcomes are being recorded without their slots.
type detached struct {
	mu    sync.Mutex // guards tasks
	tasks map[*task]struct{}
}

func (d *detached) begin(t *task) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tasks) >= detachedMost {
		return false
	}
	if d.tasks == nil {
		d.tasks = map[*task]struct{}{}
	}
	d.tasks[t] = struct{}{}
	return true
}

func (d *detached) end(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tasks, t)
}

// entries adds the entries of these jobs.
func (d *detached) entries(to map[wire.EntryRef]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.tasks {
		to[t.entry] = true
	}
}

// detach records the outcome of a job with so many bytes while its slot goes on; in the slot if it must not, or if
// there are many already.
func (t *task) detach(bytes int, record func()) {
	ses := t.ses
	if bytes > detachedBytes || t.hasNotes() || t.batch != nil || ses.full.isFull() || !ses.detached.begin(t) {
		record()
		return
	}
	ses.tasks.Add(1) // beside that of the slot, which is still there
	go func() {
		defer ses.tasks.Done()
		defer ses.detached.end(t)
		record()
	}()
}

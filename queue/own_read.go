package queue

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

const (
	ownReads    = 16              // how many queues of a worker that shares reads have one of their own
	busyFor     = time.Second     // a queue to which jobs came twice within so long has one
	readerSpare = 5 * time.Second // how long its connection is kept for another
)

// readers are the connections of reads of their own, of a worker whose other queues share one.
type readers struct {
	w     *Worker
	slots chan struct{} // a token for each that is in use

	mu    sync.Mutex
	spare []spareReader // the last used last
}

type spareReader struct {
	*redisx.Reader
	since int64 // on the monotonic clock
}

func newReaders(w *Worker) *readers { return &readers{w: w, slots: make(chan struct{}, ownReads)} }

// take returns a reader; nil if all are in use and the caller has another way.
func (r *readers) take(wait bool, done <-chan struct{}) *redisx.Reader {
	select {
	case r.slots <- struct{}{}:
	default:
		if !wait {
			return nil
		}
		select {
		case r.slots <- struct{}{}:
		case <-done:
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.spare); n > 0 {
		reader := r.spare[n-1].Reader
		r.spare = r.spare[:n-1]
		return reader
	}
	return redisx.NewReader(r.w.rdb)
}

func (r *readers) giveBack(reader *redisx.Reader) {
	r.mu.Lock()
	r.spare = append(r.spare, spareReader{reader, monotonic()})
	r.mu.Unlock()
	<-r.slots
}

// trim closes the connections that nobody has used for a while; with all, every one.
func (r *readers) trim(all bool) {
	old := monotonic() - int64(readerSpare)
	r.mu.Lock()
	n := 0
	for n < len(r.spare) && (all || r.spare[n].since < old) {
		n++
	}
	closing := append([]spareReader(nil), r.spare[:n]...)
	r.spare = append(r.spare[:0], r.spare[n:]...)
	r.mu.Unlock()
	for _, reader := range closing {
		_ = reader.Close()
	}
}

// readOwn reads this queue alone, and waits for jobs where that is possible and wanted.
func (ses *session) readOwn(memory *readMemory, n int, wait bool) (tasks []*task, size int, err error) {
	if wait {
		reader := ses.w.readers.take(ses.apart, ses.reading.Done())
		if reader == nil {
			return ses.w.sharedReads.read(ses, memory, n)
		}
		defer ses.w.readers.giveBack(reader)
		ses.waiting.Store(reader)
		defer ses.waiting.Store(nil)
		if ses.reading.Err() != nil {
			return nil, 0, nil
		}
		opened := reader.Opened()
		tasks, size, err = ses.readBy(reader, memory, n, true)
		if err != nil && opened == 0 && reader.Opened() == 0 { // nothing was sent: Redis may take no more connections
			ses.busyUntil, ses.jobsAt = 0, 0
			return ses.w.sharedReads.read(ses, memory, n)
		}
	} else {
		tasks, size, err = ses.readBy(ses.w.rdb, memory, n, false)
	}
	if err == nil {
		ses.apart = false
	}
	return tasks, size, err
}

// interrupt ends a read of the queue that waits.
func (ses *session) interrupt(ctx context.Context) {
	if !ses.shares {
		ses.reader.Interrupt(ctx)
		return
	}
	if reader := ses.waiting.Load(); reader != nil {
		reader.Interrupt(ctx)
	}
	ses.w.sharedReads.interrupt(ses)
}

// sawJobs notes that jobs came.
func (ses *session) sawJobs() {
	now := monotonic()
	if now-ses.jobsAt < int64(busyFor) {
		ses.busyUntil = now + int64(busyFor)
	}
	ses.jobsAt = now
}

package queue

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// maxRead bounds one read, and so what Redis does for it in one go.
const maxRead = 1000

// read is the loop that fetches new entries: one XREADGROUP at a time, for as many jobs as there is room, and no more
// bytes than the connection is found to bring.
//
// Why: docs/decisions/engine.md#replies-of-xreadgroup-are-taken-in-below-the-client-library
func (ses *session) read() {
	backoff := ses.newBackoff()
	var memory readMemory
	for ses.reading.Err() == nil {
		if ses.replyLost.CompareAndSwap(true, false) || ses.unread.anyDue() {
			ses.w.dispatcher.looked(ses.buffer, false, false) // whatever waits for a read does not wait for this
			if err := ses.adopt(); err != nil {
				ses.replyLost.Store(true)
				ses.recoverFrom(backoff, "adopt", err)
				continue
			}
			backoff.reset()
		}
		ses.awaitClaims()
		ses.acker.awaitRecorded(ses.reading.Done())
		room, wait := ses.w.dispatcher.reserve(ses.buffer)
		if room == 0 {
			continue
		}
		err := ses.fetch(&memory, room, wait)
		if err != nil {
			if mayHaveArrived(err) {
				ses.replies.lost()
			}
			ses.recoverFrom(backoff, "read", err)
			continue
		}
		backoff.reset()
	}
}

// readMemory is what the jobs of several reads share.
type readMemory struct {
	arena wire.Arena
	tasks taskSlab
}

// fetch reads once, and takes over what comes.
func (ses *session) fetch(memory *readMemory, room int, wait bool) (err error) {
	n := ses.replies.count(min(room, maxRead))
	var tasks []*task
	var size int
	if ses.valid() {
		tasks, size, err = ses.readOnce(memory, n, wait)
	}
	if len(tasks) > 0 {
		ses.sawJobs()
		ses.replies.arrived(len(tasks), size, since(tasks[0].heldSince))
	}
	if ses.readAgain(tasks) {
		ses.replyLost.Store(true)
	} else {
		ses.track(tasks)
	}
	ses.w.dispatcher.looked(ses.buffer, len(tasks) == n, n < room)
	return err
}

// readOnce reads up to n entries, waiting for the first if it shall, and returns how many bytes came. What it returns
// with an error was read all the same.
func (ses *session) readOnce(memory *readMemory, n int, wait bool) (tasks []*task, size int, err error) {
	switch {
	case !ses.shares:
		return ses.readBy(ses.reader, memory, n, wait)
	case wait && ses.mayShare():
		return ses.w.sharedReads.read(ses, memory, n)
	}
	return ses.readOwn(memory, n, wait)
}

func (ses *session) readBy(
	by redis.UniversalClient, memory *readMemory, n int, wait bool,
) (tasks []*task, size int, err error) {
	epoch := ses.w.epochs.Now()
	args := append(make([]any, 0, 11), "GROUP", ses.queue.Group, ses.consumer, "COUNT", n)
	if wait {
		args = append(args, "BLOCK", readBlock.Milliseconds())
	}
	cmd := redisx.NewPackedCmd(ses.ctx, append(args, "STREAMS", ses.queue.Stream, ">")...)
	_ = by.Process(context.WithoutCancel(ses.ctx), cmd)
	reply, err := cmd.Reply()
	if err != nil {
		return nil, 0, err
	}
	var now int64
	entries := entryReader{each: func(id []byte, fields []wire.Pair) {
		if tasks == nil {
			tasks, now = make([]*task, 0, n), monotonic()
		}
		e := wire.DecodeEntry(id, fields, ses.queue.Kind, ses.w.kindName, &memory.arena)
		e.SetLane(ses.queue.Lane)
		tasks = append(tasks, ses.newTask(memory.tasks.next(&e), &e, 1, now, epoch))
	}}
	err = entries.read(reply)
	return tasks, len(reply), err
}

// recoverFrom deals with a failed command of a reading loop. Whatever the failure, the loop goes on: it makes sure of
// the group and, when the connection broke, looks for entries whose delivery was lost with the reply.
func (ses *session) recoverFrom(backoff *reconnectBackoff, doing string, err error) {
	if ses.reading.Err() != nil {
		return
	}
	if !redis.HasErrorPrefix(err, "NOGROUP") && !redis.HasErrorPrefix(err, "UNBLOCKED") {
		ses.reportError(doing, err)
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		ses.w.epochs.Advance()
		ses.replyLost.Store(true)
	}
	backoff.wait(ses.reading.Done())
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	if err := ses.ensureGroup(ctx); err != nil && ses.reading.Err() == nil {
		ses.reportError("make sure of the group", err)
	}
}

// kindName makes a string of a kind, without a copy if it is a registered one.
func (w *Worker) kindName(name []byte) string {
	if k, ok := w.kinds[string(name)]; ok {
		return k.name
	}
	return string(name)
}

package queue

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// maxRead bounds one read, and so what Redis does for it in one go.
const maxRead = 1000

// read is the loop that fetches new entries: one XREADGROUP at a time, for as many jobs as there is room, and no more
// bytes than the connection is found to bring.
//
// Why: docs/decisions/engine.md#replies-of-xreadgroup-are-read-from-the-wire
func (ses *session) read() {
	backoff := ses.newBackoff()
	var replies entryReader
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
		err := ses.fetch(&replies, room, wait)
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

// fetch reads once, and takes over what comes.
func (ses *session) fetch(replies *entryReader, room int, wait bool) (err error) {
	n := ses.replies.count(min(room, maxRead))
	var tasks []*task
	if ses.valid() {
		tasks, err = ses.readOnce(replies, n, wait)
	}
	if len(tasks) > 0 {
		ses.replies.arrived(len(tasks), replies.size, since(tasks[0].heldSince))
	}
	if ses.readAgain(tasks) {
		ses.replyLost.Store(true)
	} else {
		ses.track(tasks)
	}
	ses.w.dispatcher.looked(ses.buffer, len(tasks) == n, n < room)
	return err
}

// readOnce reads up to n entries, waiting for the first if it shall. What it returns with an error was read all the
// same.
func (ses *session) readOnce(replies *entryReader, n int, wait bool) ([]*task, error) {
	var tasks []*task
	var now int64
	epoch := ses.w.epochs.Now()
	replies.reset()
	replies.each = func(id string, fields []wire.Pair) {
		if tasks == nil {
			tasks, now = make([]*task, 0, n), monotonic()
		}
		tasks = append(tasks, ses.newTask(wire.DecodeEntry(id, fields, ses.queue.Kind, ses.w.kindName), 1, now, epoch))
	}
	args := append(make([]any, 0, 11), "XREADGROUP", "GROUP", ses.queue.Group, ses.consumer, "COUNT", n)
	if wait {
		args = append(args, "BLOCK", readBlock.Milliseconds())
	}
	cmd := redis.NewRawWriteToCmd(ses.ctx, replies, append(args, "STREAMS", ses.queue.Stream, ">")...)
	err := ses.reader.Process(context.WithoutCancel(ses.ctx), cmd)
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return tasks, errors.Join(err, replies.err)
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

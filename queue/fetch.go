package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// readAtOnce bounds one read, and so what Redis does for it in one go.
const maxRead = 1000

// read is the loop that fetches new entries: one blocking XREADGROUP at a time, for as many jobs as there is room.
func (ses *session) read() {
	backoff := newReconnectBackoff(ses.w.cfg.Rand)
	var replies entryReader
	for ses.reading.Err() == nil {
		if ses.replyLost.CompareAndSwap(true, false) {
			if err := ses.adopt(); err != nil {
				ses.replyLost.Store(true)
				ses.recoverFrom(backoff, "adopt", err)
				continue
			}
			backoff.reset()
		}
		ses.awaitClaims()
		room := min(ses.w.dispatcher.reserve(ses.buffer), maxRead)
		if room == 0 || !ses.valid() {
			continue
		}
		tasks, err := ses.readOnce(&replies, room)
		ses.w.dispatcher.setActive(ses.buffer, len(tasks) > 0)
		ses.track(tasks)
		if err != nil {
			ses.recoverFrom(backoff, "read", err)
			continue
		}
		backoff.reset()
	}
}

// readOnce reads up to room entries, waiting for the first. What it returns with an error was read all the same.
func (ses *session) readOnce(replies *entryReader, room int) ([]*task, error) {
	var tasks []*task
	var now int64
	replies.reset()
	replies.each = func(id string, fields []wire.Pair) {
		if tasks == nil {
			tasks, now = make([]*task, 0, room), monotonic()
		}
		tasks = append(tasks, ses.newTask(wire.DecodeEntry(id, fields, ses.binding.Kind, ses.w.kindName), 1, now))
	}
	cmd := redis.NewRawWriteToCmd(ses.ctx, replies,
		"XREADGROUP", "GROUP", ses.binding.GroupName(), ses.consumer, "COUNT", room,
		"BLOCK", readBlock.Milliseconds(), "STREAMS", ses.keys.Stream, ">")
	err := ses.reader.Process(context.WithoutCancel(ses.ctx), cmd)
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return tasks, errors.Join(err, replies.err)
}

// recover deals with a failed command of a reading loop. Whatever the failure, the loop goes on: it makes sure of the
// group and, when the connection broke, looks for entries whose delivery was lost with the reply.
func (ses *session) recoverFrom(backoff *reconnectBackoff, doing string, err error) {
	if ses.reading.Err() != nil {
		return
	}
	if !redis.HasErrorPrefix(err, "NOGROUP") && !redis.HasErrorPrefix(err, "UNBLOCKED") {
		ses.reportError(doing, err)
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		ses.replyLost.Store(true)
	}
	backoff.wait(ses.reading.Done())
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	if err := ses.ensureGroup(ctx); err != nil && ses.reading.Err() == nil {
		ses.reportError("make sure of the group", err)
	}
}

// readRows makes tasks of rows of {entry, deliveries, fields, crashes, cancellation}, as claim.lua and adopt.lua reply them.
func (ses *session) readRows(reply any) ([]*task, error) {
	rows, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errProtocol, reply)
	}
	now := monotonic()
	tasks := make([]*task, 0, len(rows))
	for _, row := range rows {
		cells, _ := row.([]any)
		if len(cells) != 5 {
			return nil, fmt.Errorf("%w: a row of %d cells", errProtocol, len(cells))
		}
		id, _ := cells[0].(string)
		deliveries, _ := cells[1].(int64)
		values, _ := cells[2].([]any)
		fields := make([]wire.Pair, 0, len(values)/2)
		for i := 0; i+1 < len(values); i += 2 {
			name, _ := values[i].(string)
			value, _ := values[i+1].(string)
			fields = append(fields, wire.Pair{Name: []byte(name), Value: []byte(value)})
		}
		t := ses.newTask(wire.DecodeEntry(id, fields, ses.binding.Kind, ses.w.kindName), int(deliveries), now)
		crashes, _ := cells[3].(int64)
		t.crashes = int(crashes)
		if text, _ := cells[4].(string); text != "" {
			t.cancel(text)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// kindName makes a string of a kind, without a copy if it is a registered one.
func (w *Worker) kindName(name []byte) string {
	if k, ok := w.kinds[string(name)]; ok {
		return k.name
	}
	return string(name)
}

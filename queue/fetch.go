package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
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
	replies.each = func(id string, fields []pair) {
		if tasks == nil {
			tasks, now = make([]*task, 0, room), monotonic()
		}
		tasks = append(tasks, ses.newTask(decodeEntry(id, fields, ses.binding.Kind, ses.w.kindName), 1, now))
	}
	cmd := redis.NewRawWriteToCmd(ses.ctx, replies,
		"XREADGROUP", "GROUP", ses.binding.group(), ses.consumer, "COUNT", room,
		"BLOCK", readBlock.Milliseconds(), "STREAMS", ses.keys.stream, ">")
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

// adopt takes in entries that are pending for this consumer but were never seen here.
func (ses *session) adopt() error {
	const page = 200
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	held := ses.heldEntries()
	for start := "-"; ; {
		ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
		reply, err := scriptAdopt.Run(ctx, ses.w.rdb, []string{ses.keys.stream, ses.keys.crashed(), ses.keys.cancelled()},
			ses.binding.group(), ses.consumer, start, page).Slice()
		cancel()
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return nil
		}
		if err != nil || len(reply) != 2 {
			return err
		}
		found, err := ses.readRows(reply[1])
		if err != nil {
			return err
		}
		var tasks []*task
		for _, t := range found {
			if !held[t.entryID] {
				tasks = append(tasks, t)
			}
		}
		ses.track(tasks)
		last, _ := reply[0].(string)
		if last == "" {
			return nil
		}
		start = entryAfter(last)
	}
}

// heldEntries lists what this session has in its hands. It looks in the order in which a job moves, so that none
// slips by.
func (ses *session) heldEntries() map[string]bool {
	held := ses.w.dispatcher.entries(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			for _, rider := range ses.w.dispatcher.tasksIn(t) {
				held[rider.entryID] = true
			}
		}
	}
	ses.acker.entries(held)
	return held
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
		fields := make([]pair, 0, len(values)/2)
		for i := 0; i+1 < len(values); i += 2 {
			name, _ := values[i].(string)
			value, _ := values[i+1].(string)
			fields = append(fields, pair{[]byte(name), []byte(value)})
		}
		t := ses.newTask(decodeEntry(id, fields, ses.binding.Kind, ses.w.kindName), int(deliveries), now)
		crashes, _ := cells[3].(int64)
		t.crashes = int(crashes)
		if text, _ := cells[4].(string); text != "" {
			t.cancel(decodeAttribution(text))
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// entryAfter returns the stream ID that follows id.
func entryAfter(id string) string {
	ms, seqText, _ := strings.Cut(id, "-")
	seq, _ := strconv.ParseUint(seqText, 10, 64)
	return ms + "-" + strconv.FormatUint(seq+1, 10)
}

// kindName makes a string of a kind, without a copy if it is a registered one.
func (w *Worker) kindName(name []byte) string {
	if k, ok := w.kinds[string(name)]; ok {
		return k.name
	}
	return string(name)
}

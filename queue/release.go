package queue

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// handBack releases what has not started.
func (ses *session) handBack() {
	ses.release(ses.w.dispatcher.take(ses.buffer, func(*task) bool { return true }))
	ses.release(ses.w.dispatcher.disband(ses.buffer))
}

// leave hands back what is still pending and deregisters. If Redis is away the lease ends by itself.
func (ses *session) leave() {
	ses.lastHeartbeat()
	ses.leaving.Store(true)
	if ses.deregister(parkReleased) {
		ses.observe(Event{Type: EventWorkerLeft, Worker: ses.consumer})
	}
}

// abandon deregisters an earlier self that lost its lease, so that nobody takes it for a worker that crashed. What its
// handlers left without an outcome is run again at once.
func (ses *session) abandon() { ses.deregister(parkOrphans) }

func (ses *session) deregister(where string) bool {
	const page = 200
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	ses.acker.recordRest(ctx)
	k := ses.keys
	for handed := 1; handed > 0; {
		var err error
		handed, err = scriptLeave.Run(ctx, ses.w.rdb,
			[]string{k.stream, k.workers(), k.worker(ses.consumer), k.caretaker()},
			ses.binding.group(), ses.consumer, page, where).Int()
		if err != nil {
			ses.reportError("leave", err)
			return false
		}
		if handed > 0 {
			ses.observe(Event{Type: EventReleased, Worker: ses.consumer, Count: handed})
		}
	}
	return true
}

// hold takes jobs that were read or claimed into the hands of this session.
func (ses *session) track(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	ses.tasks.Add(len(tasks))
	for _, t := range tasks {
		if t.isLastChance() {
			ses.lastChances.Add(1)
		}
	}
	if !ses.w.dispatcher.push(ses.buffer, tasks) {
		ses.release(tasks)
	}
}

// The pseudo-consumers under which entries wait for a worker with a free slot.
const (
	parkReleased = "~released" // the next delivery is not counted
	parkOrphans  = "~orphans"  // it is
)

// release hands jobs back that have not started.
func (ses *session) release(tasks []*task) {
	for _, t := range tasks {
		ses.untrack(t)
	}
	ses.parkOwn(tasks, parkReleased)
}

// letGo takes a job off this session's hands.
func (ses *session) untrack(t *task) {
	if t.isLastChance() {
		ses.lastChances.Add(-1)
		ses.signalParked()
	}
	ses.tasks.Done()
}

// parkOwn parks jobs of this session. Those that another worker has taken meanwhile stay where they are.
func (ses *session) parkOwn(tasks []*task, where string) {
	if len(tasks) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	for chunk := range slices.Chunk(tasks, 100) {
		args := []any{ses.binding.group(), ses.consumer, where}
		for _, t := range chunk {
			args = append(args, t.entryID)
		}
		err := scriptHandback.Run(ctx, ses.w.rdb, []string{ses.keys.stream}, args...).Err()
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return // Redis lost its data, and the jobs with it
		}
		if err != nil { // they stay pending here: they are adopted, handed back by leave, or reclaimed
			ses.reportError("release", err)
			ses.replyLost.Store(true)
			return
		}
		for _, t := range chunk {
			ses.observe(t.event(EventReleased))
		}
	}
}

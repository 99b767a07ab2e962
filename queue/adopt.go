package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// adopt takes over entries that are pending for this consumer but were never seen here: the reply that brought them was
// lost. It asks for no more bytes at once than the connection is found to bring, and holds no more than a buffer may.
func (ses *session) adopt() error {
	ses.unread.beginPass()
	for behind := (wire.EntryRef{}); ; {
		if !ses.w.dispatcher.awaitBytes(ses.buffer) {
			return nil
		}
		next, all, err := ses.adoptPage(behind)
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return nil
		}
		if err != nil {
			return err
		}
		if all {
			ses.unread.endPass()
			return nil
		}
		behind = next
	}
}

// adoptPage adopts some of the entries behind one of them, and returns behind which to go on, and whether those were
// all.
func (ses *session) adoptPage(behind wire.EntryRef) (next wire.EntryRef, all bool, err error) {
	const page = 200
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	held := ses.heldEntries()
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	pending, err := wire.PendingOf(ctx, ses.w.rdb, &ses.queue, ses.consumer, behind, page)
	if err != nil || len(pending) == 0 {
		return behind, true, err
	}
	next, all = pending[len(pending)-1], len(pending) < page
	unseen := pending[:0]
	for _, entry := range pending {
		if !held[entry] && ses.unread.isDue(entry, monotonic()) {
			unseen = append(unseen, entry)
		}
	}
	if len(unseen) == 0 {
		return next, all, nil
	}
	switch looked, err := ses.receive(ctx, unseen); {
	case err != nil:
		return behind, false, err
	case looked == 0:
		return behind, false, nil
	case looked < len(unseen):
		return unseen[looked-1], false, nil
	}
	return next, all, nil
}

// receive asks for entries and takes over those that come; it returns how many of them it is done with.
func (ses *session) receive(ctx context.Context, entries []wire.EntryRef) (looked int, err error) {
	sent, epoch := monotonic(), ses.w.epochs.Now()
	found, looked, err := wire.Adopt(ctx, ses.w.rdb, &ses.queue, ses.consumer, entries, ses.replies.limit(),
		ses.w.cfg.MaxCrashes, ses.w.kindName)
	if err != nil {
		return 0, ses.notReceived(entries[0], err)
	}
	ses.unread.received(entries[:looked])
	ses.replies.arrived(len(found), wire.SizeOf(found), since(sent))
	ses.track(ses.newTasks(found, epoch))
	return looked, nil
}

// heldEntries lists what this session holds. It looks in the order in which a job moves, so that none is missed.
func (ses *session) heldEntries() map[wire.EntryRef]bool {
	held := ses.w.dispatcher.entries(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			for _, member := range ses.w.dispatcher.tasksIn(t) {
				held[member.entry] = true
			}
		}
	}
	ses.acker.entries(held)
	ses.detached.entries(held)
	return held
}

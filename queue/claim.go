package queue

import (
	"context"
	"errors"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const maxClaim = 100

// claim is the loop that takes over parked entries, of dead workers and of those that let go, as long as there are
// any and this worker has room. It sleeps until a beat sees some.
func (ses *session) claim() {
	backoff := newReconnectBackoff(ses.w.cfg.Rand)
	for {
		select {
		case <-ses.parked:
		case <-ses.reading.Done():
			return
		}
		ses.claiming.Store(true)
		ses.claimAll(backoff)
		ses.claiming.Store(false)
		select {
		case ses.claimed <- struct{}{}:
		default:
		}
	}
}

// claimAll claims until nothing that this worker may take is parked.
func (ses *session) claimAll(backoff *reconnectBackoff) {
	for ses.reading.Err() == nil {
		more, err := ses.claimOnce()
		if err != nil {
			ses.replyLost.Store(true)
			ses.recoverFrom(backoff, "claim", err)
			return
		}
		backoff.reset()
		if !more {
			return
		}
	}
}

// giveWay lets parked entries go before new ones: while there are any, nothing new is read.
func (ses *session) awaitClaims() {
	for ses.claiming.Load() && ses.reading.Err() == nil {
		select {
		case <-ses.claimed:
		case <-ses.reading.Done():
		}
	}
}

// claimOnce takes as many parked entries as there is room for, and tells whether there may be more.
func (ses *session) claimOnce() (more bool, err error) {
	room := min(ses.w.dispatcher.reserve(ses.buffer), maxClaim)
	if room == 0 {
		return false, nil
	}
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	reply, err := wire.ScriptClaim.Run(ctx, ses.w.rdb, []string{ses.keys.Stream, ses.keys.Worker(ses.consumer), ses.keys.Crashed(), ses.keys.Cancelled()},
		ses.binding.GroupName(), ses.consumer, room, ses.w.cfg.MaxCrashes, ses.lastChancesFree()).Result()
	if err != nil {
		return false, err
	}
	if _, lost := reply.(int64); lost {
		ses.lose()
		return false, errLost
	}
	tasks, err := ses.readRows(reply)
	if err != nil {
		return false, err
	}
	for _, t := range tasks {
		ses.observe(t.event(EventReclaimed))
	}
	ses.track(tasks)
	return len(tasks) >= room, nil
}

var errLost = errors.New("the worker's registration is gone")

// noteParked asks the claiming loop to look for parked entries.
func (ses *session) signalParked() {
	select {
	case ses.parked <- struct{}{}:
	default:
	}
}

package queue

// valid reports whether the lease holds: no other worker can have this session's jobs.
func (ses *session) valid() bool { return ses.validAt(monotonic()) }

// validAt is valid at a moment on the monotonic clock.
func (ses *session) validAt(now int64) bool { return now < ses.validTo.Load() && !ses.lost() }

func (ses *session) lost() bool { return ses.isLost.Load() }

// extend notes a lease that was granted by a call sent at the given instant. The worker relies on three quarters of it:
// the rest is for handlers to return in.
func (ses *session) extend(sent int64) { ses.validTo.Store(sent + int64(ses.w.cfg.Lease)*3/4) }

// lose ends the session when its lease is lost: the contexts of its handlers end, and no outcome of theirs counts.
func (ses *session) lose() {
	if ses.isLost.Swap(true) {
		return
	}
	ses.cancel(ErrLeaseLost)
	ses.counters.leaseLost.Add(1)
	ses.observe(Event{Type: EventLeaseLost, Worker: ses.consumer, Err: ErrLeaseLost})
}

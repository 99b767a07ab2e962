package queue

import "time"

// caretake is the loop that promotes due jobs. Every worker has it; it does something only in the one that holds the
// queue's caretaker key, as the beats tell. If two believe so for a moment, no harm is done: the scripts are atomic.
func (ses *session) caretake() {
	backoff := newReconnectBackoff(ses.w.cfg.Rand)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ses.reading.Done():
			return
		}
		wait := promoteEvery
		if ses.isCaretaker() {
			next, err := ses.promote()
			if err != nil {
				ses.reportError("promote", err)
				backoff.wait(ses.reading.Done())
			} else {
				backoff.reset()
				wait = next
			}
		}
		timer.Reset(wait)
	}
}

func (ses *session) isCaretaker() bool { return monotonic() < ses.caretakerUntil.Load() && ses.valid() }

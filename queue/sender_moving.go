package queue

import (
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// putOff keeps a job to be sent again that was refused because its slot moves, and reports false if it was not or has
// waited for as long as a call may take. The jobs of other slots do not wait for it.
func (s *sender) putOff(op *enqueueOp) bool {
	if !redisx.IsMoving(op.failure) || monotonic()-op.added > int64(2*s.timeout) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moving = append(s.moving, op)
	s.movingBytes += op.size
	if !s.resends {
		s.resends = true
		s.running.Add(1)
		go s.resend()
	}
	return true
}

// resend sends what was refused because its slot moves, again and again until nothing is left of it.
func (s *sender) resend() {
	defer s.running.Done()
	for refused := 0; ; refused++ {
		pause := time.NewTimer(redisx.MovePause(refused))
		<-pause.C
		ops := s.takeMoving()
		if len(ops) == 0 {
			return
		}
		for len(ops) > 0 {
			n, _ := onePipeline(ops, s.requests.limit())
			s.exec(ops[:n:n])
			ops = ops[n:]
		}
	}
}

// takeMoving takes all of it. With nothing left, the caller must end.
func (s *sender) takeMoving() []*enqueueOp {
	s.mu.Lock()
	defer s.mu.Unlock()
	ops := s.moving
	s.moving, s.movingBytes, s.resends = nil, 0, len(ops) > 0
	s.signalRoom()
	return ops
}

package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// lookRefused is how often is looked for jobs while there is no connection that may wait for them.
const lookRefused = 50 * time.Millisecond

// send sends the read. Where Redis refuses a connection for it, it looks by those that there are.
func (r *sharedRead) send(args []any) ([]byte, error) {
	cmd := redisx.NewPackedCmd(context.Background(), slices.Clone(args)...)
	_ = r.reader.Process(context.Background(), cmd)
	reply, err := cmd.Reply()
	opened := r.reader.Opened()
	refused := err != nil && opened == r.broken
	switch {
	case refused:
		return r.sendByOther(args, err)
	case err != nil && !isReply(err):
		r.broken = opened // the next one needs another
	default:
		r.broken, r.reported = -1, false
	}
	return reply, err
}

// sendByOther sends the read by one of the worker's other connections, and does not wait.
func (r *sharedRead) sendByOther(args []any, refused error) ([]byte, error) {
	w := r.all.w
	select {
	case <-time.After(lookRefused):
	case <-w.stopping:
	}
	if at := slices.Index(args, any("BLOCK")); at >= 0 {
		args = slices.Delete(args, at, at+2)
	}
	cmd := redisx.NewPackedCmd(context.Background(), args...)
	_ = w.rdb.Process(context.Background(), cmd)
	reply, err := cmd.Reply()
	if err == nil && !r.reported {
		r.reported = true
		w.observe(Event{Type: EventRedisError, Err: fmt.Errorf(
			"queue: no connection to wait for jobs, and looking for them %d times a second by another: %w",
			time.Second/lookRefused, refused)})
	}
	return reply, err
}

// isReply reports whether Redis has answered.
func isReply(err error) bool {
	var reply redis.Error
	return err == nil || errors.As(err, &reply)
}

// isGone reports whether a stream or its group is missing, which is made again.
func isGone(err error) bool {
	return redis.HasErrorPrefix(err, "NOGROUP") || redis.HasErrorPrefix(err, "UNBLOCKED")
}

// isOfOne reports whether an error may be that of one queue among the others: nothing was delivered then.
func isOfOne(err error) bool {
	return isGone(err) || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "NOPERM")
}

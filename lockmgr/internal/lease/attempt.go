package lease

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// OutMove makes a call again, for as long as a release may take, while it fails since the slot of its keys moves.
func OutMove(ctx context.Context, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, ReleaseTimeout)
	defer cancel()
	return redisx.WaitOutMove(ctx, call)
}

// Attempt asks until ctx ends, also where asking itself does not end with it. If the caller gets an error, undo takes
// back in the background what the attempt did or may yet do, as soon as it is answered; with a failure the outcome is
// unknown. What fails is repeated up to the limit.
func Attempt[T any](
	ctx context.Context, b *Background, limit time.Duration,
	ask func() (T, error), undo func(ctx context.Context, answer T, failure error) error,
) (T, error) {
	type outcome struct {
		answer  T
		failure error
	}
	var none T
	outcomes := make(chan outcome, 1)
	request := func() {
		answer, failure := ask()
		outcomes <- outcome{answer, failure}
	}
	takeBack := func(late func() outcome) {
		b.Request(limit, func() error {
			o := late()
			return Bounded(ctx, func(ctx context.Context) error { return undo(ctx, o.answer, o.failure) })
		})
	}
	if ctx.Done() == nil {
		request()
	} else if !b.run(request) {
		return none, ErrClosed
	}
	select {
	case o := <-outcomes:
		switch {
		case o.failure == nil && ctx.Err() == nil:
			return o.answer, nil
		case ctx.Err() == nil:
			takeBack(func() outcome { return o })
			return none, o.failure
		}
		takeBack(func() outcome { return o })
	case <-ctx.Done():
		takeBack(sync.OnceValue(func() outcome { return <-outcomes }))
	}
	return none, context.Cause(ctx)
}

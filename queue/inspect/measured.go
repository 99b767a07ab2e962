package inspect

import (
	"context"
	"sync/atomic"
)

// Reading is how much was read of jobs with a context: see [Measured].
type Reading struct{ bytes atomic.Int64 }

// Bytes is how many bytes of entries and bodies were read so far, about.
func (r *Reading) Bytes() int64 { return r.bytes.Load() }

type readingKey struct{}

// Measured returns a context, and what lists, searches and look-ups with it read of jobs: what a server may charge a
// caller for, whose request may be short and whose jobs are large.
func Measured(ctx context.Context) (context.Context, *Reading) {
	reading := &Reading{}
	return context.WithValue(ctx, readingKey{}, reading), reading
}

// measure notes that so much was read.
func measure(ctx context.Context, bytes int) {
	if reading, ok := ctx.Value(readingKey{}).(*Reading); ok {
		reading.bytes.Add(int64(bytes))
	}
}

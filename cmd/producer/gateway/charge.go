package gateway

import (
	"context"
	"net/http"
	"time"
)

// limitKey is what a request counts under for the rate.
func (g *Gateway) limitKey(r *http.Request) string { return "gateway:" + g.owner(g.callerOf(r)) }

// weighed is how many bytes of a body count as one request: a large one costs this program and Redis as much as many.
const weighed = 64 << 10

// weight is what so many jobs in so many bytes count for the rate. No body counts for more than may be asked for at
// once.
func (g *Gateway) weight(jobs, size int) int64 {
	return max(int64(jobs), min(1+int64(size/weighed), g.limit.Limit().Burst))
}

// charge counts the jobs of a request, of which [Gateway.limited] has counted one: an array is no way around the rate.
func (g *Gateway) charge(r *http.Request, jobs, size int) error {
	if g.limit == nil {
		return nil
	}
	count, most := g.weight(jobs, size), g.limit.Limit().Burst
	switch {
	case count <= 1:
		return nil
	case count > most:
		return invalid.because("An array has %d at the most here: that is how many one caller may ask for at once. "+
			"More jobs go as application/x-ndjson.", most)
	}
	got, err := g.limit.AllowN(r.Context(), g.limitKey(r), count-1)
	if err == nil && !got.Allowed {
		refusal := rateLimited.because("Nothing was done. It counts as %d requests: one for each entry of an array, or for "+
			"%d KiB of the body if that is more.", count, weighed>>10)
		refusal.RetryAfter = wholeSeconds(got.RetryAfter)
		return refusal
	}
	return err
}

// wholeSeconds rounds up: after that long it can be asked for again.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// await counts the jobs of a stream: it waits until they are allowed, so that the client cannot send faster.
func (g *Gateway) await(ctx context.Context, key string, jobs, size int) error {
	if g.limit == nil {
		return nil
	}
	for left := g.weight(jobs, size); left > 0; {
		n := min(left, g.limit.Limit().Burst)
		got, err := g.limit.AllowN(ctx, key, n)
		if err != nil {
			return err
		}
		if got.Allowed {
			left -= n
			continue
		}
		select {
		case <-time.After(got.RetryAfter):
		case <-ctx.Done():
			return ctx.Err()
		case <-g.stopping.Done():
			return stopping.because("Send the rest again: another server answers.")
		}
	}
	return nil
}

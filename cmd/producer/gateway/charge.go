package gateway

import (
	"context"
	"net/http"
	"time"
)

// limitKey is what a request counts under for the rate.
func (g *Gateway) limitKey(r *http.Request) string { return "gateway:" + g.callerOf(r) }

// charge counts the jobs of a request, of which [Gateway.limited] has counted one: an array is no way around the rate.
func (g *Gateway) charge(r *http.Request, jobs int) error {
	if g.limit == nil || jobs <= 1 {
		return nil
	}
	most := g.limit.Limit().Burst
	if int64(jobs) > most {
		return invalid.because("An array has %d at the most here: that is how many one caller may ask for at once. "+
			"More jobs go as application/x-ndjson.", most)
	}
	got, err := g.limit.AllowN(r.Context(), g.limitKey(r), int64(jobs-1))
	if err == nil && !got.Allowed {
		refusal := rateLimited.because("Nothing was done. Each of the %d counts as one request.", jobs)
		refusal.RetryAfter = wholeSeconds(got.RetryAfter)
		return refusal
	}
	return err
}

// wholeSeconds rounds up: after that long it can be asked for again.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// await counts the jobs of a stream: it waits until they are allowed, so that the client cannot send faster.
func (g *Gateway) await(ctx context.Context, key string, jobs int) error {
	if g.limit == nil {
		return nil
	}
	for left := int64(jobs); left > 0; {
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

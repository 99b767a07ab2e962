package gateway

import (
	"net/http"
	"sync"

	"github.com/navvy-go/navvy/queue/inspect"
)

// Look-ups under way at once, and those of one caller: one may read megabytes to find that there is no such job. Others
// wait.
const (
	lookupsAtOnce = 8
	lookupsOfOne  = 2
)

// debtsMost is how many callers' debts are kept.
const debtsMost = 10_000

// debts are what callers' look-ups have read, in requests. It is known afterwards, so the next look-up pays for it. The
// zero value is ready.
type debts struct {
	mu   sync.Mutex
	owed map[string]int64
}

func (d *debts) add(who string, n int64) {
	if n <= 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owed == nil || len(d.owed) >= debtsMost {
		d.owed = map[string]int64{}
	}
	d.owed[who] += n
}

// settle returns what a caller owes, and forgets it.
func (d *debts) settle(who string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.owed[who]
	delete(d.owed, who)
	return n
}

// lookUp finds a job, when it is the caller's turn, and has what it reads count for the caller's rate.
func (g *Gateway) lookUp(r *http.Request, queue, id string) (inspect.JobInfo, error) {
	who := g.callerOf(r)
	if err := g.lookups.await(r.Context(), who, 1); err != nil {
		return inspect.JobInfo{}, err
	}
	defer g.lookups.giveBack(who, 1)
	if err := g.payDebt(r, who); err != nil {
		return inspect.JobInfo{}, err
	}
	ctx, read := inspect.Measured(r.Context())
	defer func() {
		if g.limit != nil {
			g.debts.add(who, read.Bytes()/weighed)
		}
	}()
	return g.inspector.Job(ctx, queue, id)
}

// payDebt counts what a caller's look-ups have read before.
func (g *Gateway) payDebt(r *http.Request, who string) error {
	owed := g.debts.settle(who)
	if owed == 0 {
		return nil
	}
	pays := min(owed, g.limit.Limit().Burst)
	got, err := g.limit.AllowN(r.Context(), g.limitKey(r), pays)
	if err == nil && got.Allowed {
		g.debts.add(who, owed-pays)
		return nil
	}
	g.debts.add(who, owed)
	if err != nil {
		return err
	}
	refusal := rateLimited.because("Look-ups before this one have read much, which counts as %d requests: one for each "+
		"%d KiB. Jobs with an id of the caller's choice are found without.", owed, weighed>>10)
	refusal.RetryAfter = wholeSeconds(got.RetryAfter)
	return refusal
}

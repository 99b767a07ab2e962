package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// runBatch gathers a batch and runs it, unless it was disbanded meanwhile.
func (w *Worker) runBatch(lead *task) {
	g := lead.batch
	w.dispatcher.await(g, lead)
	if len(g.tasks) == 0 {
		return
	}
	ses := lead.ses
	defer func() { // also when the handler ends the goroutine
		for _, t := range g.tasks {
			ses.untrack(t)
		}
		w.dispatcher.finishBatch(g)
	}()
	ses.noteBegun(g.tasks...)
	switch {
	case !ses.valid():
		ses.drop(g.tasks)
	case g.buryUnfit():
		g.execute()
	}
}

// buryUnfit buries what became unfit while the batch gathered, and reports whether anything is left to run.
func (g *batch) buryUnfit() bool {
	for _, t := range g.tasks {
		if reason, err := t.unfit(); reason != "" {
			t.bury(reason, err)
		} else {
			g.fit = append(g.fit, t)
		}
	}
	g.startEach()
	return len(g.fit) > 0
}

// startEach leaves out the jobs that have expired, as many at once as one call asks about.
func (g *batch) startEach() {
	if !slices.ContainsFunc(g.fit, func(t *task) bool { return t.meta.Expires > 0 }) {
		return
	}
	may := make([]bool, len(g.fit))
	for at := 0; at < len(g.fit); at += wire.MovesAtOnce {
		var starting sync.WaitGroup
		for i := at; i < min(at+wire.MovesAtOnce, len(g.fit)); i++ {
			starting.Go(func() { may[i] = g.fit[i].mayStart() })
		}
		starting.Wait()
	}
	all := g.fit
	g.fit = nil
	for i, t := range all {
		if may[i] {
			g.fit = append(g.fit, t)
		}
	}
}

// execute runs the handler with the first job's run, and settles the outcome of each.
func (g *batch) execute() {
	lead, began := g.fit[0], time.Now()
	for _, t := range g.fit {
		t.begin(began)
	}
	g.ctx.task = lead
	var err error
	defer func() {
		g.ctx.finish(g.ctx.task.runningFor())
		share := time.Since(began) / time.Duration(len(g.fit))
		g.settle(g.spread(err), share)
	}()
	handler := lead.kind.handler
	if lead.ses.w.cfg.Observer != nil {
		handler = g.observed
	}
	handler.call(&g.ctx, &lead.run, &err)
}

// observed is the batch's handler, after the observer was notified of the start of each job.
func (g *batch) observed(ctx context.Context, run *Run) error {
	for _, t := range g.fit {
		t.observeStart()
	}
	return g.fit[0].kind.handler(ctx, run)
}

// spread makes an outcome for each job of the error that the handler returned. One that cannot be read is the failure
// of all.
func (g *batch) spread(err error) (outcomes []error) {
	if err == nil {
		return make([]error, len(g.fit))
	}
	if failed := isolate(func() { outcomes = spread(err, len(g.fit)) }); failed != nil {
		outcomes = slices.Repeat([]error{failed}, len(g.fit))
	}
	return outcomes
}

// settle turns each job's outcome into its next step. What can be done for many at once is.
//
// Why: docs/decisions/engine.md#the-jobs-of-a-batch-share-its-running-time-equally
func (g *batch) settle(outcomes []error, share time.Duration) {
	ses := g.fit[0].ses
	done, dropped, rest := make([]doneJob, 0, len(g.fit)), []*task(nil), []int(nil)
	for i, t := range g.fit {
		switch err := outcomes[i]; {
		case err == nil && t.policy.Retain <= 0 && !t.isPrime():
			t.ended(outcomeDone, share)
			t.reportLostResult()
			done = append(done, doneJob{task: t, took: share})
		case err != nil && ses.ctx.Err() != nil:
			dropped = append(dropped, t)
		default:
			rest = append(rest, i)
		}
	}
	g.settleEach(rest, outcomes, share)
	if !ses.acker.add(done...) {
		for _, job := range done {
			dropped = append(dropped, job.task)
		}
	}
	ses.drop(dropped)
}

// settleEach settles outcomes that are a step of their own for each job, as many at once as travel in one call.
func (g *batch) settleEach(rest []int, outcomes []error, share time.Duration) {
	for chunk := range slices.Chunk(rest, wire.MovesAtOnce) {
		var settling sync.WaitGroup
		for _, i := range chunk {
			settling.Go(func() { g.fit[i].settle(outcomes[i], share) })
		}
		settling.Wait()
	}
}

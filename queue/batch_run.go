package queue

import "time"

// runBatch gathers a batch and runs it, unless it was disbanded meanwhile.
func (w *Worker) runBatch(lead *task) {
	g := lead.batch
	w.dispatcher.await(g, lead)
	if len(g.tasks) == 0 {
		return
	}
	ses := lead.ses
	ses.noteBegun(g.tasks...)
	switch {
	case !ses.valid():
		ses.drop(g.tasks)
	case g.buryUnfit():
		g.execute()
	}
	for _, t := range g.tasks {
		ses.untrack(t)
	}
	w.dispatcher.finishBatch(g)
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
	return len(g.fit) > 0
}

// execute runs the handler with the first job's run, and settles the outcome of each.
func (g *batch) execute() {
	lead, began := g.fit[0], time.Now()
	for _, t := range g.fit {
		t.begin(began)
	}
	g.ctx.task = lead
	err := lead.kind.handler.call(&g.ctx, &lead.run)
	g.ctx.finish()
	share := time.Since(began) / time.Duration(len(g.fit))
	g.settle(spread(err, len(g.fit)), share)
}

// settle turns each job's outcome into its next step. What can be done for many at once is.
//
// Why: docs/decisions/engine.md#the-jobs-of-a-batch-share-its-running-time-equally
func (g *batch) settle(outcomes []error, share time.Duration) {
	ses := g.fit[0].ses
	done, dropped := make([]doneJob, 0, len(g.fit)), []*task(nil)
	for i, t := range g.fit {
		switch err := outcomes[i]; {
		case err == nil && t.policy.Retain <= 0 && !t.isPrime():
			t.ended(outcomeDone, share)
			done = append(done, doneJob{task: t, took: share})
		case err != nil && ses.ctx.Err() != nil:
			dropped = append(dropped, t)
		default:
			t.settle(err, share)
		}
	}
	if !ses.acker.add(done...) {
		for _, job := range done {
			dropped = append(dropped, job.task)
		}
	}
	ses.drop(dropped)
}

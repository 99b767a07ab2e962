package queue

import "time"

// runBatch gathers a batch and runs it, unless it was disbanded meanwhile.
func (w *Worker) runBatch(lead *task) {
	g := lead.batch
	w.slots.await(g, lead)
	if len(g.tasks) == 0 {
		return
	}
	ses := lead.ses
	if ses.valid() {
		g.execute()
	} else {
		ses.drop(g.tasks)
	}
	ses.forgetCrashes(g.tasks)
	for _, t := range g.tasks {
		ses.letGo(t)
	}
	w.slots.unload(g)
}

// execute runs the handler, in the context of the first job, and settles the outcome of each.
func (g *batch) execute() {
	lead, began := g.tasks[0], time.Now()
	for _, t := range g.tasks {
		t.begin(began)
	}
	err := lead.call()
	lead.ctx.finish()
	share := time.Since(began) / time.Duration(len(g.tasks))
	g.settle(spread(err, len(g.tasks)), share)
}

// settle turns each job's outcome into its next step. What can be done for many at once is.
func (g *batch) settle(outcomes []error, share time.Duration) {
	ses := g.tasks[0].ses
	done, dropped := make([]finished, 0, len(g.tasks)), []*task(nil)
	for i, t := range g.tasks {
		switch err := outcomes[i]; {
		case err == nil && t.policy.Retain <= 0:
			ses.counts.add(&ses.counts.done, share)
			done = append(done, finished{t, share})
		case err != nil && ses.ctx.Err() != nil:
			dropped = append(dropped, t)
		default:
			t.settle(err, share)
		}
	}
	if !ses.finisher.add(done...) {
		for _, job := range done {
			dropped = append(dropped, job.task)
		}
	}
	ses.drop(dropped)
}

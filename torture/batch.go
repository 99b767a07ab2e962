package main

import (
	"context"

	"github.com/navvy-go/navvy/queue"
)

const batchSize = 20

// Kind is what the queue calls a job that runs in a batch.
func (payload) Kind() string { return kindBatched }

// runBatch is the handler of the kinds that run in batches. They have as long as the longest of them takes, then each
// has its own outcome; when the context ends before, they fail as one.
func (s *scribe) runBatch(ctx context.Context, jobs []*queue.Job[payload]) error {
	begun, poisoned := make([]line, len(jobs)), -1
	together := payload{}
	for i, job := range jobs {
		begun[i] = s.begins(job.Run, job.Args.Job, job.Args.Role)
		together.Sleep = max(together.Sleep, job.Args.Sleep)
		if job.Args.Role == poisonBatch {
			poisoned = i
		}
	}
	if poisoned >= 0 {
		return s.ends(ctx, begun[poisoned], exit(ctx, nil, together))
	}
	if rest := sleep(ctx, nil, together); rest.err != nil {
		for _, l := range begun {
			_ = s.ends(ctx, l, rest)
		}
		return rest.err
	}
	outcomes := make([]error, len(jobs))
	for i, job := range jobs {
		k := kindOf(job.Args.Role)
		if job.Args.Sleep > 0 {
			k = kindOf(kindBatched) // it has slept
		}
		outcomes[i] = s.ends(ctx, begun[i], k.work(ctx, job.Run, job.Args))
	}
	return queue.Outcomes(outcomes)
}

package dashboard

import (
	"context"
	"strconv"

	"github.com/navvy-go/navvy/queue/inspect"
)

var queuesPage = page{section: "queues", title: "Queues", template: "queues", query: []string{"first"}, load: loadFleet}

func loadFleet(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	text := r.Get("first")
	if text == "" {
		return d.fleetWithWorkers(ctx)
	}
	first, err := strconv.Atoi(text)
	if err != nil || first < 0 {
		return nil, BadRequest("first is the number of a queue, not %q", text)
	}
	seen := d.fleetFrom(ctx, first-first%fleetMost)
	return seen.data, seen.err
}

// forgetQueue removes a queue that is empty and has no worker.
func (d *Dashboard) forgetQueue(f *Form) (Notice, error) {
	name := f.Value("queue")
	err := f.confirmed(confirmation{
		Title: "Forget a queue", Button: "Forget it", Word: name,
		Says: "Remove the queue " + name + ", its counts and its charts. It must be empty and have no worker. It is there " +
			"again as soon as a job is enqueued.",
	})
	if err != nil {
		return Notice{}, err
	}
	if err := d.inspector.Forget(f.Context(), name); err != nil {
		return Notice{}, err
	}
	f.Audit("queue.forget", name, "")
	return Notice{Text: name + " is forgotten."}, nil
}

func (d *Dashboard) pauseQueue(f *Form) (Notice, error) {
	name := f.Value("queue")
	if err := d.inspector.Pause(inspect.WithActor(f.Context(), f.User.Name), name); err != nil {
		return Notice{}, err
	}
	f.Audit("queue.pause", name, "")
	return Notice{
		Text: name + " is paused: running jobs continue, no new ones are started.",
		Undo: &Undo{"/queues/resume", map[string]string{"queue": name}},
	}, nil
}

func (d *Dashboard) resumeQueue(f *Form) (Notice, error) {
	name := f.Value("queue")
	if err := d.inspector.Resume(inspect.WithActor(f.Context(), f.User.Name), name); err != nil {
		return Notice{}, err
	}
	f.Audit("queue.resume", name, "")
	return Notice{
		Text: name + " is resumed.",
		Undo: &Undo{"/queues/pause", map[string]string{"queue": name}},
	}, nil
}

package dashboard

import (
	"context"

	"github.com/navvy-go/navvy/queue/inspect"
)

var queuesPage = page{section: "queues", title: "Queues", template: "queues", load: loadFleet}

func loadFleet(ctx context.Context, d *Dashboard, _ *Request) (any, error) {
	return d.fleetWithWorkers(ctx)
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

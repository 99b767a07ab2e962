package dashboard

import (
	"context"
	"fmt"
	"net/http"

	"github.com/navvy-go/navvy/queue"
)

var queuesPage = page{section: "queues", title: "Queues", template: "queues", load: loadFleet}

func loadFleet(ctx context.Context, d *Dashboard, _ *request) (any, error) {
	return d.fleetAndCrew(ctx)
}

func (d *Dashboard) pauseQueue(r *http.Request, user User) (notice, error) {
	name := r.PostFormValue("queue")
	if err := d.inspector.Pause(queue.WithActor(r.Context(), user.Name), name); err != nil {
		return notice{}, err
	}
	d.audit(r.Context(), user, "queue.pause", name, "")
	return notice{
		Text: fmt.Sprintf("%s is paused: what runs goes on, nothing new is started.", name),
		Undo: &undo{"/queues/resume", map[string]string{"queue": name}},
	}, nil
}

func (d *Dashboard) resumeQueue(r *http.Request, user User) (notice, error) {
	name := r.PostFormValue("queue")
	if err := d.inspector.Resume(queue.WithActor(r.Context(), user.Name), name); err != nil {
		return notice{}, err
	}
	d.audit(r.Context(), user, "queue.resume", name, "")
	return notice{
		Text: name + " goes on.",
		Undo: &undo{"/queues/pause", map[string]string{"queue": name}},
	}, nil
}

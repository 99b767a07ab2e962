package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// job is one job with what happened to it, as far as Redis knows.
type job struct {
	queue.JobInfo
	Timeline []moment `json:"timeline"`
}

// moment is a step of a job's life.
type moment struct {
	What  string    `json:"what"`
	At    time.Time `json:"at,omitzero"`
	Class string    `json:"-"` // good, warn, bad, or none
	Note  string    `json:"note,omitempty"`
}

var jobPage = page{section: "queues", title: "Job", template: "job", load: loadJob}

func loadJob(ctx context.Context, d *Dashboard, r *request) (any, error) {
	info, err := d.inspector.Job(ctx, r.Path("queue"), r.Path("id"))
	if err != nil {
		return nil, err
	}
	info.Data, info.Result = d.mask.apply(info.Data), d.mask.apply(info.Result)
	return job{info, timeline(info, d.cfg.Now())}, nil
}

// timeline tells a job's life in order.
func timeline(j queue.JobInfo, now time.Time) []moment {
	var told []moment
	add := func(what, class string, at time.Time, note string) {
		told = append(told, moment{What: what, Class: class, At: at, Note: note})
	}
	if j.EnqueuedAt != nil {
		add("enqueued", "", *j.EnqueuedAt, "")
	}
	if j.Attempt > 0 && j.State != queue.StateDone {
		add(plural(int64(j.Attempt), "failed attempt", "failed attempts"), "warn", time.Time{}, short(j.Error))
	}
	if j.Redelivered > 0 {
		add(plural(int64(j.Redelivered), "run without an outcome", "runs without an outcome"), "warn", time.Time{}, "its worker died, stopped, or lost its lease")
	}
	switch j.State {
	case queue.StateWaiting:
		add("waits for a worker with a free slot", "", time.Time{}, "")
	case queue.StateInFlight:
		add("delivered to "+j.Worker, "", now.Add(-time.Duration(j.IdleMS)*time.Millisecond),
			plural(j.Deliveries, "delivery", "deliveries"))
	case queue.StateDelayed, queue.StateRetrying:
		if j.Due != nil {
			add("due", "", *j.Due, "")
		}
	case queue.StateDead:
		add("dead: "+j.Reason, "bad", timeOf(j.EndedAt), by(j.Worker))
	case queue.StateDone:
		add("done", "good", timeOf(j.EndedAt), by(j.Worker))
	}
	return told
}

func by(worker string) string {
	if worker == "" {
		return ""
	}
	return "by " + worker
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func plural(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// pretty lays JSON out on lines of its own.
func pretty(data json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, data, "", "  ") != nil {
		return string(data)
	}
	return out.String()
}

// progressText writes what a handler has recorded.
func progressText(p *queue.Progress) string {
	if p == nil {
		return ""
	}
	text := fmt.Sprintf("%.0f %%", p.Percent)
	if p.Note != "" {
		text += ": " + p.Note
	}
	return text
}

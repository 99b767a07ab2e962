package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

const rescheduleMost = 366 * 24 * time.Hour

// job is one job with what happened to it, as far as Redis knows.
type job struct {
	inspect.JobInfo
	Timeline []moment `json:"timeline"`
	Masked   bool     `json:"masked,omitempty"` // the data shown is not all of it
}

// moment is a step of a job's life.
type moment struct {
	What  string    `json:"what"`
	At    time.Time `json:"at,omitzero"`
	Class string    `json:"-"` // good, warn, bad, or none
	Note  string    `json:"note,omitempty"`
}

var jobPage = page{section: "queues", title: "Job", template: "job", load: loadJob}

func loadJob(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	info, err := d.inspector.Job(ctx, r.PathValue("queue"), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	info = info.WithoutLarge(jobData)
	whole := info.Data
	d.bound(&info)
	masked := string(info.Data) != string(whole) || info.LeftOut > 0
	return job{info, timeline(info, d.cfg.Now()), masked}, nil
}

// reschedule makes a delayed or retrying job due at another time.
func (d *Dashboard) reschedule(f *Form) (Notice, error) {
	name, id := f.Value("queue"), f.Value("id")
	in, err := time.ParseDuration(f.Value("in"))
	if err != nil || in < 0 || in > rescheduleMost {
		return Notice{}, BadRequest("%q is not a time from now such as 10m or 36h, up to a year", f.Value("in"))
	}
	was, err := d.inspector.Job(f.Context(), name, id)
	if err != nil {
		return Notice{}, err
	}
	due := d.cfg.Now().Add(in)
	ctx := inspect.WithActor(f.Context(), f.User.Name)
	if err := d.inspector.Reschedule(ctx, name, id, due); err != nil {
		return Notice{}, err
	}
	f.AuditEdit("job.reschedule", name, id+" in "+in.String(), dueText(was.Due), dueText(&due))
	return Notice{Text: "Due in " + span(in) + "."}, nil
}

func dueText(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// timeline lists the steps of a job's life in order.
func timeline(j inspect.JobInfo, now time.Time) []moment {
	var steps []moment
	add := func(what, class string, at time.Time, note string) {
		steps = append(steps, moment{What: what, Class: class, At: at, Note: note})
	}
	if j.EnqueuedAt != nil {
		add("enqueued", "", *j.EnqueuedAt, "")
	}
	if failed := int64(j.Failed()); failed > 0 {
		add(plural(failed, "failed attempt", "failed attempts"), "warn", time.Time{}, short(j.Error))
	}
	if j.Redelivered > 0 {
		add(plural(int64(j.Redelivered), "run without an outcome", "runs without an outcome"), "warn", time.Time{},
			"its worker died, stopped, or lost its lease")
	}
	switch j.State {
	case inspect.StateWaiting:
		add("waiting for a worker with a free slot", "", time.Time{}, "")
	case inspect.StateInFlight:
		add("delivered to "+j.Worker, "", now.Add(-time.Duration(j.IdleMS)*time.Millisecond),
			plural(j.Deliveries, "delivery", "deliveries"))
	case inspect.StateDelayed, inspect.StateRetrying:
		if j.Due != nil {
			add("due", "", *j.Due, "")
		}
	case inspect.StateDead:
		add("dead: "+j.Reason, "bad", timeOf(j.EndedAt), by(j.Worker))
	case inspect.StateCancelled:
		add(j.Reason, "warn", timeOf(j.EndedAt), by(j.Worker))
	case inspect.StateExpired:
		add("expired: "+j.Reason, "warn", timeOf(j.EndedAt), by(j.Worker))
	case inspect.StateDone:
		add("done", "good", timeOf(j.EndedAt), by(j.Worker))
	}
	return steps
}

// attemptsText says how many attempts failed, and at which a job was done.
func attemptsText(j inspect.JobInfo) string {
	failed := count(int64(j.Failed())) + " failed"
	switch {
	case j.State == inspect.StateDone:
		return "done at attempt " + count(int64(j.Attempt)) + ", " + failed
	case j.MaxAttempts > 0:
		return failed + " of " + count(int64(j.MaxAttempts))
	}
	return failed
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

// pretty lays JSON out on lines of its own, unless that makes it much longer.
func pretty(data json.RawMessage) string {
	var out bytes.Buffer
	if indentedSize(data) > prettyMost || json.Indent(&out, data, "", "  ") != nil {
		return string(data)
	}
	return out.String()
}

// progressText writes what a handler has recorded.
func progressText(p *inspect.Progress) string {
	if p == nil {
		return ""
	}
	text := fmt.Sprintf("%.0f %%", p.Percent)
	if p.Note != "" {
		text += ": " + p.Note
	}
	return text
}

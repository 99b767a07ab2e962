package dashboard

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/navvy-go/navvy/queue/inspect"
)

// canEdit reports whether a job's data can change where it is.
func canEdit(j inspect.JobInfo) bool {
	switch j.State {
	case inspect.StateWaiting, inspect.StateDelayed, inspect.StateRetrying:
		return true
	}
	return j.Parked
}

// editData gives a job that nobody holds other data.
func (d *Dashboard) editData(f *Form) (Notice, error) {
	name, id := f.Value("queue"), f.Value("id")
	data, err := d.editedData(f)
	if err != nil {
		return Notice{}, err
	}
	was, err := d.inspector.EditData(inspect.WithActor(f.Context(), f.User.Name), name, id, data)
	if err != nil {
		return Notice{}, err
	}
	d.auditData(f, "job.edit", id, was.Data, data)
	text := "The data was changed."
	if was.Entry != "" {
		text += " The job is at the end of its queue."
	}
	return Notice{Text: text}, nil
}

// requeueWith enqueues a dead job again, with other data.
func (d *Dashboard) requeueWith(f *Form) (Notice, error) {
	name, id := f.Value("queue"), f.Value("id")
	data, err := d.editedData(f)
	if err != nil {
		return Notice{}, err
	}
	before, err := d.inspector.Job(f.Context(), name, id)
	if err != nil {
		return Notice{}, err
	}
	if err := d.inspector.RequeueWith(inspect.WithActor(f.Context(), f.User.Name), name, id, data); err != nil {
		return Notice{}, err
	}
	d.auditData(f, "job.requeue_with", id, before.Data, data)
	return Notice{Text: "Requeued with the edited data." + d.obstacle(f.Context(), inspect.ActionRequeue, name)}, nil
}

// editedData reads the data of a form. What a page has hidden would replace what the job has.
func (d *Dashboard) editedData(f *Form) ([]byte, error) {
	data := f.Value("data")
	switch {
	case !json.Valid([]byte(data)):
		return nil, BadRequest("the data is not JSON")
	case strings.Contains(data, hidden) && len(d.mask) > 0:
		return nil, BadRequest("the data has %s in place of what is hidden", hidden)
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, []byte(data)) // valid
	return compact.Bytes(), nil
}

// auditData notes the data before and after an edit, as pages show it.
func (d *Dashboard) auditData(f *Form, what, id string, before, after []byte) {
	f.AuditEdit(what, f.Value("queue"), id, string(d.mask.apply(before)), string(d.mask.apply(after)))
}

package dashboard

import (
	"context"

	"github.com/navvy-go/navvy/queue/inspect"
)

// cronOf is the entry that a form is about.
func cronOf(f *Form) (ctx context.Context, queue, name string) {
	return inspect.WithActor(f.Context(), f.User.Name), f.Value("queue"), f.Value("name")
}

// cronUndo takes back what was done to an entry.
func cronUndo(action, queue, name string) *Undo {
	return &Undo{action, map[string]string{"queue": queue, "name": name}}
}

func (d *Dashboard) pauseCron(f *Form) (Notice, error) {
	ctx, queue, name := cronOf(f)
	if _, err := d.inspector.PauseCron(ctx, queue, name); err != nil {
		return Notice{}, err
	}
	f.Audit("cron.pause", queue, name)
	return Notice{
		Text: name + " of " + queue + " is paused: ticks that pass meanwhile are not made up for.",
		Undo: cronUndo("/cron/resume", queue, name),
	}, nil
}

func (d *Dashboard) resumeCron(f *Form) (Notice, error) {
	ctx, queue, name := cronOf(f)
	e, err := d.inspector.ResumeCron(ctx, queue, name)
	if err != nil {
		return Notice{}, err
	}
	f.Audit("cron.resume", queue, name)
	text := name + " of " + queue + " is resumed."
	if e.Next != nil {
		text += " Its next tick is in " + span(max(e.Next.Sub(d.cfg.Now()), 0)) + "."
	}
	return Notice{Text: text, Undo: cronUndo("/cron/pause", queue, name)}, nil
}

// runCron enqueues a job of an entry beside its ticks.
func (d *Dashboard) runCron(f *Form) (Notice, error) {
	ctx, queue, name := cronOf(f)
	id, err := d.inspector.RunCron(ctx, queue, name)
	if err != nil {
		return Notice{}, err
	}
	f.Audit("cron.run", queue, name+" "+id)
	return Notice{Text: "Enqueued to " + queue + ": " + id + "."}, nil
}

// editCron changes when an entry ticks.
func (d *Dashboard) editCron(f *Form) (Notice, error) {
	ctx, queue, name := cronOf(f)
	spec, was := f.Value("spec"), ""
	e, err := d.inspector.EditCron(ctx, queue, name, func(s *inspect.CronSettings) { was, s.Spec = s.Spec, spec })
	if err != nil {
		return Notice{}, err
	}
	f.AuditEdit("cron.edit", queue, name, was, e.Spec)
	undo := cronUndo("/cron/edit", queue, name)
	undo.Fields["spec"] = was
	return Notice{Text: "The spec of " + name + " of " + queue + " is " + e.Spec + ".", Undo: undo}, nil
}

// deleteCron removes an entry with its history.
func (d *Dashboard) deleteCron(f *Form) (Notice, error) {
	ctx, queue, name := cronOf(f)
	e, err := d.inspector.Cron(ctx, queue, name)
	if err != nil {
		return Notice{}, err
	}
	says := "The entry " + name + " of " + queue + " goes, with its history. Its jobs stay."
	if e.Declared {
		says += " Code declares it: it is there again when a worker starts. Pause it instead."
	}
	if err := f.confirmed(confirmation{
		Title: "Delete a cron entry", Button: "Delete", Word: name, Says: says,
	}); err != nil {
		return Notice{}, err
	}
	if err := d.inspector.DeleteCron(ctx, queue, name); err != nil {
		return Notice{}, err
	}
	f.AuditEdit("cron.delete", queue, name, e.Spec, "")
	return Notice{Text: name + " of " + queue + " is deleted."}, nil
}

package dashboard

import (
	"context"

	"github.com/navvy-go/navvy/dashboard/audit"
)

const auditPage = 100

// audit records what a user has done. That it could not be recorded is logged, since what was done is done.
func (d *Dashboard) audit(ctx context.Context, user User, what, target, detail string) {
	err := d.trail.Add(ctx, audit.Entry{Who: user.Name, What: what, Target: target, Detail: detail})
	attributes := []any{"who", user.Name, "what", what, "target", target, "detail", detail}
	if err != nil {
		d.cfg.Logger.Error("done by a person", append(attributes, "audited", false, "error", err)...)
		return
	}
	d.cfg.Logger.Info("done by a person", attributes...)
}

// trail is a page of the audit trail, the latest first.
type trail struct {
	Entries []audit.Entry `json:"entries"`
	Next    string        `json:"next,omitempty"`
}

var auditTrailPage = page{section: "audit", title: "Audit", template: "audit", load: loadTrail}

func loadTrail(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	cursor := r.Get("cursor")
	if cursor != "" && !entryID.MatchString(cursor) {
		return nil, BadRequest("%q is no cursor of this list", cursor)
	}
	entries, err := d.trail.List(ctx, cursor, auditPage)
	if err != nil {
		return nil, err
	}
	t := trail{Entries: entries}
	if len(entries) == auditPage {
		t.Next = entries[len(entries)-1].ID
	}
	return t, nil
}

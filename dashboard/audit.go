package dashboard

import (
	"context"

	"github.com/navvy-go/navvy/dashboard/audit"
)

const auditPage = 100

// audit notes what a user has done. That it could not be noted is logged, since what was done is done.
func (d *Dashboard) audit(ctx context.Context, user User, what, target, detail string) {
	err := d.trail.Add(ctx, audit.Entry{Who: user.Name, What: what, Target: target, Detail: detail})
	log := d.cfg.Log.Info()
	if err != nil {
		log = d.cfg.Log.Error().Err(err).Bool("audited", false)
	}
	log.Str("who", user.Name).Str("what", what).Str("target", target).Str("detail", detail).Msg("done by a person")
}

// trail is a page of the audit trail, the latest first.
type trail struct {
	Entries []audit.Entry `json:"entries"`
	Next    string        `json:"next,omitempty"`
}

var auditTrailPage = page{section: "audit", title: "Audit", template: "audit", load: loadTrail}

func loadTrail(ctx context.Context, d *Dashboard, r *request) (any, error) {
	cursor := r.Get("cursor")
	if cursor != "" && !entryID.MatchString(cursor) {
		return nil, badQuery("%q is no cursor of this list", cursor)
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

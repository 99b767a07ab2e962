package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/visible"
)

const auditPage = 100

// audit records what a user has done.
func (d *Dashboard) audit(ctx context.Context, user User, what, target, detail string) {
	d.record(ctx, audit.Entry{Who: user.Name, What: what, Target: target, Detail: detail, Address: user.address})
}

// record adds to the trail, and to the log, what was done. That it could not be recorded is logged, since what was done
// is done.
func (d *Dashboard) record(ctx context.Context, e audit.Entry) {
	err := d.trail.Add(ctx, e)
	if err != nil {
		d.cfg.Logger.Error("done by a person", append(logged(e), "audited", false, "error", err)...)
		return
	}
	d.cfg.Logger.Info("done by a person", logged(e)...)
}

// denied records what was refused to somebody, in a trail of its own. A flood of it is noted in part.
func (d *Dashboard) denied(r *http.Request, who, what, detail string) {
	e := audit.Entry{
		Who: cut(who), What: what, Target: cut(r.Method + " " + r.URL.Path), Detail: detail, Address: d.cfg.ClientIP(r),
	}
	e, noted := d.throttle.Note(e, time.Now())
	if !noted {
		return
	}
	if err := d.refusals.Add(r.Context(), e); err != nil {
		d.cfg.Logger.Error("refused", append(logged(e), "audited", false, "error", err)...)
		return
	}
	d.cfg.Logger.Warn("refused", logged(e)...)
}

// cut bounds what a client has chosen.
func cut(text string) string {
	const most = 200
	return strings.ToValidUTF8(text[:min(len(text), most)], "\uFFFD")
}

func logged(e audit.Entry) []any {
	all := []any{"who", e.Who, "what", e.What, "target", e.Target, "detail", e.Detail}
	for _, optional := range [][2]string{{"address", e.Address}, {"before", e.Before}, {"after", e.After}} {
		if optional[1] != "" {
			all = append(all, optional[0], optional[1])
		}
	}
	return all
}

// trail is a page of the audit trail, the latest first.
type trail struct {
	Entries []audit.Entry `json:"entries"`
	Next    string        `json:"next,omitempty"`
	Refused bool          `json:"refused,omitempty"` // of what was refused, not of what was done
}

var auditTrailPage = page{section: "audit", title: "Audit", template: "audit", query: []string{"cursor", "refused"},
	load: loadTrail}

func loadTrail(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	cursor := r.Get("cursor")
	if cursor != "" && !entryID.MatchString(cursor) {
		return nil, BadRequest("%q is no cursor of this list", cursor)
	}
	t := trail{Refused: r.Get("refused") != ""}
	entries, err := d.trailOf(t.Refused).List(ctx, cursor, auditPage)
	if err != nil {
		return nil, err
	}
	t.Entries = entries
	if len(entries) == auditPage {
		t.Next = entries[len(entries)-1].ID
	}
	return t, nil
}

func (d *Dashboard) trailOf(refused bool) *audit.Trail {
	if refused {
		return d.refusals
	}
	return d.trail
}

const exportsAtOnce = 2

// exportTrail sends the whole trail as JSON lines, the oldest entry first.
func (d *Dashboard) exportTrail(w http.ResponseWriter, r *http.Request) {
	select {
	case d.exports <- struct{}{}:
		defer func() { <-d.exports }()
	default:
		w.Header().Set("Retry-After", "10")
		refuseWith(w, r, http.StatusServiceUnavailable, "others export the trail just now: try again")
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	out, lines := http.NewResponseController(w), json.NewEncoder(visible.JSONTo(w))
	err := d.trailOf(r.URL.Query().Get("refused") != "").Export(r.Context(), time.Time{}, func(e audit.Entry) error {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite))
		return lines.Encode(e)
	})
	if err != nil {
		d.cfg.Logger.Warn("cannot export the audit trail", "error", err)
		panic(http.ErrAbortHandler) // so that a part is not taken for the whole
	}
}

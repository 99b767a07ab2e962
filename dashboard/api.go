package dashboard

import (
	"encoding/json"
	"net/http"
)

// data serves as JSON what a page shows.
func (d *Dashboard) data(w http.ResponseWriter, r *http.Request, p page) {
	seen := d.read(r, p)
	if seen.err != nil {
		status := statusOf(seen.err)
		if status >= http.StatusInternalServerError {
			d.cfg.Logger.Warn("cannot read what the page shows", "page", p.section, "error", seen.err)
		}
		refuseWith(w, r, status, shownText(seen.err))
		return
	}
	body, err := json.Marshal(seen.data)
	if err != nil { // what is stored cannot be said in JSON, such as a score without end
		refuseWith(w, r, http.StatusInternalServerError, "what is stored cannot be shown as JSON")
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(body))
}

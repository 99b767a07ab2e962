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
		text := seen.err.Error()
		if status == http.StatusServiceUnavailable {
			text = "redis does not answer"
		}
		refuseWith(w, r, status, text)
		return
	}
	body, err := json.Marshal(seen.data)
	if err != nil { // what is stored cannot be said in JSON, such as a score without end
		refuseWith(w, r, http.StatusInternalServerError, "what is stored cannot be shown as JSON: "+err.Error())
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(body))
}

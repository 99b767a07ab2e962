package dashboard

import "net/http"

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
	writeJSON(w, http.StatusOK, seen.data)
}

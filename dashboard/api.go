package dashboard

import (
	"context"
	"net/http"
)

// data serves as JSON what a page shows.
func (d *Dashboard) data(w http.ResponseWriter, r *http.Request, p page) {
	seen := d.read(r, p)
	if seen.err != nil {
		status := statusOf(seen.err)
		text := seen.err.Error()
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
			text = "redis does not answer"
		}
		writeJSON(w, status, map[string]string{"error": text})
		return
	}
	writeJSON(w, http.StatusOK, seen.data)
}

// read returns what a page shows, as it was within the last second.
func (d *Dashboard) read(r *http.Request, p page) view {
	asked := &request{Values: r.URL.Query(), Path: r.PathValue}
	key := p.title + " " + pathOf(r, p) + "?" + asked.Encode()
	return d.views.get(r.Context(), key, d.cfg.Now, func(ctx context.Context) (any, error) { return p.load(ctx, d, asked) })
}

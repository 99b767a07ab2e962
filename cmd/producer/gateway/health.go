package gateway

import (
	"context"
	_ "embed"
	"net/http"
	"time"
)

// readyWithin is how long Redis may take to say that it is there.
const readyWithin = time.Second

//go:embed openapi.json
var document []byte

// openapi serves the description of all routes.
func (g *Gateway) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(document) // a client that has left needs no answer
	return nil
}

// healthy says that the process lives.
func (g *Gateway) healthy(w http.ResponseWriter, r *http.Request) error {
	writeJSON(w, r, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// ready says that requests can be answered.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) error {
	if g.stopping.Err() != nil {
		return stopping.because("Ask another.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := g.cfg.Redis.Ping(ctx).Err(); err != nil {
		return err
	}
	writeJSON(w, r, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

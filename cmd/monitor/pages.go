package main

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"net/http"
	"slices"

	"github.com/rs/zerolog"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

//go:embed web
var web embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"duration": command.Duration,
	"when":     when,
	"attempts": attempts,
	"short":    short,
}).ParseFS(web, "web/*.html"))

// pages are for a person with a browser.
type pages struct {
	inspector *queue.Inspector
	log       zerolog.Logger
}

func (p pages) queues(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	infos, err := queueInfos(ctx, p.inspector)
	p.render(w, "queues.html", infos, err)
}

// queuePage is what the page of one queue shows: its counts and the first jobs that matter at three in the morning.
type queuePage struct {
	Info     queue.QueueInfo
	InFlight queue.JobPage
	Dead     queue.JobPage
}

func (p pages) queue(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	name := r.URL.Query().Get("name")
	names, err := p.inspector.Queues(ctx)
	if err == nil && !slices.Contains(names, name) {
		http.Error(w, "there is no queue of that name", http.StatusNotFound)
		return
	}
	var page queuePage
	if err == nil {
		page, err = p.queuePage(ctx, name)
	}
	p.render(w, "queue.html", page, err)
}

func (p pages) queuePage(ctx context.Context, name string) (page queuePage, err error) {
	if page.Info, err = p.inspector.Queue(ctx, name); err != nil {
		return page, err
	}
	if page.InFlight, err = p.inspector.InFlight(ctx, name, queue.Page{}); err != nil {
		return page, err
	}
	page.Dead, err = p.inspector.Dead(ctx, name, queue.Page{})
	return page, err
}

// render writes the page, or that it could not be made: the whole of it or nothing.
func (p pages) render(w http.ResponseWriter, name string, data any, err error) {
	var out bytes.Buffer
	if err == nil {
		err = templates.ExecuteTemplate(&out, name, data)
	}
	if err != nil {
		p.log.Error().Err(err).Str("page", name).Msg("cannot show the page")
		http.Error(w, "cannot read from redis; see the monitor's log", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, web, "web/style.css") }

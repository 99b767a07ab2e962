package main

import (
	"context"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// How often one scraper gathers the metrics: there are many where there are many queues.
const (
	scrapeEvery   = 500 * time.Millisecond
	scrapeAhead   = 20 // that may come earlier
	scrapeWait    = 2 * time.Second
	scrapesOfOne  = 2 // that are written at once
	scrapesAtOnce = 8
	scrapersMost  = 1000 // that have slots
)

type scraperKey struct{}

// withScraper notes in a request who scrapes.
func withScraper(r *http.Request, name string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), scraperKey{}, name))
}

// scraperOf is who scrapes: the user or, where everybody may, an address.
func scraperOf(r *http.Request) string {
	if name, ok := r.Context().Value(scraperKey{}).(string); ok {
		return name
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return "ip:" + host
}

// pace is when the next scrape of each scraper is due, if it is not yet.
type pace struct {
	mu    sync.Mutex
	due   map[string]time.Time
	slots map[string]chan struct{} // for scrapes that are written
}

// slot is where a scraper's scrapes wait for one another: one that does not read its answers keeps no others waiting.
func (p *pace) slot(scraper string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[scraper] == nil {
		if len(p.slots) >= scrapersMost {
			clear(p.slots)
		}
		p.slots[scraper] = make(chan struct{}, scrapesOfOne)
	}
	return p.slots[scraper]
}

// late is how long a scrape is to wait. One that is to wait for longer than [scrapeWait] does not count.
func (p *pace) late(scraper string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.due, func(_ string, due time.Time) bool { return !due.After(now) })
	due := now
	if next, ok := p.due[scraper]; ok {
		due = next
	}
	late := due.Sub(now) - scrapeAhead*scrapeEvery
	if late <= scrapeWait {
		p.due[scraper] = due.Add(scrapeEvery)
	}
	return late
}

// paced has scrapes wait that come faster than they should, and refuses those that would wait long.
func paced(next http.Handler) http.Handler {
	all := &pace{due: map[string]time.Time{}, slots: map[string]chan struct{}{}}
	refuse := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many ask for the metrics", http.StatusTooManyRequests)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scraper := scraperOf(r)
		switch wait := all.late(scraper, time.Now()); {
		case wait > scrapeWait:
			refuse(w)
			return
		case wait > 0:
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
				return
			}
		}
		slot := all.slot(scraper)
		select {
		case slot <- struct{}{}:
			defer func() { <-slot }()
			next.ServeHTTP(w, r)
		case <-time.After(scrapeWait):
			refuse(w)
		case <-r.Context().Done():
		}
	})
}

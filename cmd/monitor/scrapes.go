package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/pace"
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

// slots are for scrapes that are written, of each scraper.
type slots struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

// slot is where a scraper's scrapes wait for one another: one that does not read its answers keeps no others waiting.
func (s *slots) slot(scraper string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[scraper] == nil {
		if len(s.of) >= scrapersMost {
			clear(s.of)
		}
		s.of[scraper] = make(chan struct{}, scrapesOfOne)
	}
	return s.of[scraper]
}

// paced has scrapes wait that come faster than they should, and refuses those that would wait long.
func paced(next http.Handler) http.Handler {
	rate := &pace.Pace{Every: scrapeEvery, Ahead: scrapeAhead, Most: scrapeWait}
	own := slots{of: map[string]chan struct{}{}}
	refuse := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many ask for the metrics", http.StatusTooManyRequests)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scraper := scraperOf(r)
		if err := rate.Wait(r.Context(), scraper); errors.Is(err, pace.ErrTooFast) {
			refuse(w)
			return
		} else if err != nil { // the scraper is gone
			return
		}
		slot := own.slot(scraper)
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

package main

import (
	"net/http"
	"sync"
	"time"
)

// How often the metrics are gathered: there are many where there are many queues.
const (
	scrapeEvery = 500 * time.Millisecond
	scrapeAhead = 20 // that may come earlier
	scrapeWait  = 2 * time.Second
)

// paced has scrapes wait that come faster than they should, and refuses those that would wait long.
func paced(next http.Handler) http.Handler {
	var mu sync.Mutex
	var due time.Time
	late := func(now time.Time) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if due.Before(now) {
			due = now
		}
		late := due.Sub(now) - scrapeAhead*scrapeEvery
		if late <= scrapeWait {
			due = due.Add(scrapeEvery)
		}
		return late
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch wait := late(time.Now()); {
		case wait > scrapeWait:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many ask for the metrics", http.StatusTooManyRequests)
			return
		case wait > 0:
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

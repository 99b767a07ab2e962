package main

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many ask at once, the metrics are gathered twice a second, after a few that may come early.
func TestScrapesKeepAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gathered, refused atomic.Int64
		server := paced(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { gathered.Add(1) }))
		began := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				w := httptest.NewRecorder()
				server.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
				if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "" {
					refused.Add(1)
				}
			})
		}
		all.Wait()
		most := int64(scrapeAhead + 1 + scrapeWait/scrapeEvery)
		if gathered.Load() != most || refused.Load() != 100-most || time.Since(began) > scrapeWait {
			t.Errorf("%d gathered, %d refused in %v; want %d gathered in %v", gathered.Load(), refused.Load(), time.Since(began),
				most, scrapeWait)
		}
	})
}

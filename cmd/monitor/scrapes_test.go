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

// However many one scraper asks for at once, the metrics are gathered twice a second for it, after a few that may come
// early; another one is answered meanwhile.
func TestScrapesKeepAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gathered, refused atomic.Int64
		server := paced(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { gathered.Add(1) }))
		began := time.Now()
		ask := func(name string) (code int, header http.Header) {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			server.ServeHTTP(w, withScraper(r, name))
			return w.Code, w.Header()
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if code, header := ask("mallet"); code == http.StatusTooManyRequests && header.Get("Retry-After") != "" {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if code, _ := ask("prometheus"); code != http.StatusOK || time.Since(began) > 0 {
			t.Errorf("another scraper got %d after %v", code, time.Since(began))
		}
		gathered.Add(-1)
		all.Wait()
		most := int64(scrapeAhead + 1 + scrapeWait/scrapeEvery)
		if gathered.Load() != most || refused.Load() != 100-most || time.Since(began) > scrapeWait {
			t.Errorf("%d gathered, %d refused in %v; want %d gathered in %v", gathered.Load(), refused.Load(), time.Since(began),
				most, scrapeWait)
		}
	})
}

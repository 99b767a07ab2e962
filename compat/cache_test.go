package compat_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

type page struct {
	Title string   `json:"title"`
	Items []string `json:"items"`
}

func newCache(t *testing.T, server *redistest.Server) *cache.Cache {
	c := cache.New(server.Client(t), cache.Config{Report: func(err error) { t.Errorf("reported: %v", err) }})
	t.Cleanup(c.Close)
	return c
}

func TestPagesAreReadByBothSides(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	c, rdb := newCache(t, server), server.Client(t)
	peer := newPeer(t, server)
	python := peer.object("RedisCache")

	python.call(nil, "set_page", "/py/shoes", page{"Schuhe für 5 €", []string{"a"}}, 900)
	var got page
	must(t, c.Get(ctx, cache.PageKey("/py/shoes"), &got))
	if got.Title != "Schuhe für 5 €" || len(got.Items) != 1 {
		t.Errorf("Go reads %+v", got)
	}

	must(t, c.Set(ctx, cache.PageKey("/go/shoes"), page{"<Shoes> & 5 €", []string{"b", "c"}}, cache.TTL(15*time.Minute)))
	python.call(&got, "get_page", "/go/shoes")
	if got.Title != "<Shoes> & 5 €" || len(got.Items) != 2 {
		t.Errorf("Python reads %+v", got)
	}
	if ttl := rdb.TTL(ctx, "cache:page:/go/shoes").Val(); ttl > 15*time.Minute || ttl < 13*time.Minute {
		t.Errorf("Go's page lives %s", ttl)
	}

	python.call(nil, "set_page", "/go/shoes", page{Title: "newer"}, 900) // what Go knew of its own page is not about this
	if err := c.Get(ctx, cache.PageKey("/go/shoes"), &got); err != nil || got.Title != "newer" {
		t.Errorf("after Python overwrote it, Go reads %+v, %v", got, err)
	}

	python.call(nil, "invalidate_page", "/go/shoes")
	if err := c.Get(ctx, cache.PageKey("/go/shoes"), &got); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("after Python's invalidation: %v", err)
	}
	must(t, c.Delete(ctx, cache.PageKey("/py/shoes")))
	var none *page
	if python.call(&none, "get_page", "/py/shoes"); none != nil {
		t.Errorf("after Go's invalidation Python reads %+v", none)
	}
}

// The article puts the pattern into a glob as it is: what has a meaning there removes too much, or nothing.
func TestPatternsAreInvalidatedByBothSides(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	c := newCache(t, server)
	peer := newPeer(t, server)
	python := peer.object("RedisCache")
	pages := []string{"/pat[1]/a", "/pat[1]/b", "/pat1/c", "/other"}
	fill := func() {
		for i, url := range pages {
			if i%2 == 0 {
				python.call(nil, "set_page", url, "x", 900)
			} else {
				must(t, c.Set(ctx, cache.PageKey(url), "x"))
			}
		}
	}
	left := func() (urls []string) {
		for _, url := range pages {
			var value string
			if c.Get(ctx, cache.PageKey(url), &value) == nil {
				urls = append(urls, url)
			}
		}
		return urls
	}

	fill()
	if n, err := c.InvalidatePrefix(ctx, cache.PageKey("/pat[1]"), nil); err != nil || n != 2 {
		t.Errorf("Go removed %d: %v", n, err)
	}
	if got := left(); len(got) != 2 || got[0] != "/pat1/c" {
		t.Errorf("Go left %q", got)
	}
	fill()
	python.call(nil, "invalidate_pattern", "/pat[1]") // a character class: it hits its neighbour
	if got := left(); len(got) != 3 || got[0] != "/pat[1]/a" {
		t.Errorf("Python left %q", got)
	}
	python.call(nil, "invalidate_pattern", "/pat")
	if got := left(); len(got) != 1 || got[0] != "/other" {
		t.Errorf("Python left %q", got)
	}
}

func TestPageCacheSharesItsPages(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	peer := newPeer(t, server)
	python := peer.object("RedisCache")
	c := cache.New(server.Client(t), cache.Config{})
	t.Cleanup(c.Close)
	runs := 0
	handler := cache.Pages(c, cache.PageConfig{
		URL: func(r *http.Request) string { return r.URL.Path },
	})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runs++
		_, _ = w.Write([]byte("made by the handler"))
	}))
	check := func(what, wantBody, wantFrom string, wantRuns int) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/middleware", nil))
		if body, from := w.Body.String(), w.Header().Get("X-Cache"); body != wantBody || from != wantFrom ||
			runs != wantRuns {
			t.Errorf("%s: %q, %s, after %d runs of the handler", what, body, from, runs)
		}
	}

	python.call(nil, "set_page", "/middleware", "<p>by Python", 900)
	check("Python's text is a page", "<p>by Python", "HIT", 0)
	python.call(nil, "set_page", "/middleware", map[string]int{"products": 3}, 900)
	check("Python's object is none", "made by the handler", "MISS", 1)
	var stored map[string]any
	if python.call(&stored, "get_page", "/middleware"); stored["body"] != "made by the handler" ||
		stored["status"] != 200.0 {
		t.Errorf("Python reads %v", stored)
	}
	stored["body"] = "edited by Python"
	python.call(nil, "set_page", "/middleware", stored, 900)
	check("Python has edited the page", "edited by Python", "HIT", 1)
	python.call(nil, "invalidate_page", "/middleware")
	check("Python has removed the page", "made by the handler", "MISS", 2)
}

type profile struct {
	Name string `json:"name"`
}

func TestProfilesAreCachedAsideByBothSides(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	c := newCache(t, server)
	peer := newPeer(t, server)
	python := peer.object("Profiles", map[string]profile{"p1": {"Ada"}, "p2": {"Grace"}, "p3": {"Barbara"}})
	loads := 0
	load := func(context.Context) (profile, error) {
		loads++
		return profile{"Ada"}, nil
	}

	var got *profile
	queries := 0
	_, err := cache.GetOrLoad(ctx, c, "user:profile:p1", load)
	must(t, err)
	python.call(&got, "get_user_profile", "p1")
	if python.call(&queries, "count_queries"); got.Name != "Ada" || queries != 0 || loads != 1 {
		t.Errorf("Python reads %+v after %d queries and %d loads", got, queries, loads)
	}

	python.call(&got, "get_user_profile", "p2")
	read, err := cache.GetOrLoad(ctx, c, "user:profile:p2", load)
	if err != nil || read.Name != "Grace" || loads != 1 {
		t.Errorf("Go reads %+v, %v, after %d loads", read, err, loads)
	}

	// What does not exist: Go remembers that, the article asks the database each time. What Python then finds, Go sees.
	missing := func(context.Context) (profile, error) { return profile{}, cache.ErrNotFound }
	if _, err := cache.GetOrLoad(ctx, c, "user:profile:p3", missing); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	python.call(&got, "get_user_profile", "p3")
	if read, err = cache.GetOrLoad(ctx, c, "user:profile:p3", missing); err != nil || read.Name != "Barbara" {
		t.Errorf("Go reads %+v, %v", read, err)
	}
}

func TestProfilesAreCachedAsideAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	c := newCache(t, server)
	peer := newPeer(t, server)
	python := peer.object("Profiles", map[string]profile{"both": {"Ada"}})
	group, ctx := errgroup.WithContext(t.Context())
	group.Go(func() error {
		results, err := python.repeat(500, "get_user_profile", "both")
		for _, result := range results {
			var got profile
			if err := json.Unmarshal(result, &got); err != nil || got.Name != "Ada" {
				return errors.Join(err, errors.New("Python reads "+string(result)))
			}
		}
		return err
	})
	for range 4 {
		group.Go(func() error {
			for i := range 200 {
				got, err := cache.GetOrLoad(ctx, c, "user:profile:both", func(context.Context) (profile, error) {
					return profile{"Ada"}, nil
				})
				if err == nil && got.Name != "Ada" {
					err = errors.New("Go reads " + got.Name)
				}
				if err == nil && i%10 == 0 {
					err = c.Delete(ctx, "user:profile:both")
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, group.Wait())
}

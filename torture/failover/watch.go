package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	lookEvery = 100 * time.Millisecond
	// What a page shows is not older, but for the time that its reading took: it is read anew once a second, and so are
	// its parts, and for a second more it is shown while that takes long.
	fresh  = 3 * time.Second
	banner = `id="down" class="banner" role="alert">`
)

// look is one look at the dashboard, at a page or at its numbers.
type look struct {
	span
	shows bool             // it is not said that Redis is away
	done  map[string]int64 // by queue, of numbers; nil of a page
}

// watch is a person with the dashboard open, who never reloads it by hand for another reason than to see it.
type watch struct {
	board   *dashboard.Dashboard
	server  *httptest.Server
	pages   []look
	numbers []look
}

func openWatch(rdb redis.UniversalClient) (*watch, error) {
	board, err := dashboard.New(dashboard.Config{Redis: rdb, Auth: dashboard.Open{}, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return &watch{board: board, server: httptest.NewServer(board)}, nil
}

func (w *watch) close() error {
	w.server.Close()
	return w.board.Close()
}

func (w *watch) run(ctx context.Context) {
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() { w.pages = looks(ctx, w.page) })
	both.Go(func() { w.numbers = looks(ctx, w.api) })
}

// looks looks again and again.
func looks(ctx context.Context, at func(context.Context) (look, error)) (seen []look) {
	for pause.For(ctx, lookEvery) {
		from := now()
		if l, err := at(ctx); err == nil {
			l.span = span{from, now()}
			seen = append(seen, l)
		}
	}
	return seen
}

func (w *watch) page(ctx context.Context) (look, error) {
	status, page, err := w.get(ctx, "/queues")
	return look{shows: status == http.StatusOK && !strings.Contains(page, banner)}, err
}

func (w *watch) api(ctx context.Context) (look, error) {
	status, numbers, err := w.get(ctx, "/api/v1/queues")
	l := look{shows: status == http.StatusOK, done: map[string]int64{}}
	if err != nil || !l.shows {
		return l, err
	}
	var fleet struct {
		Queues []inspect.QueueInfo `json:"queues"`
	}
	err = json.Unmarshal([]byte(numbers), &fleet)
	for _, q := range fleet.Queues {
		l.done[q.Name] = q.Totals.Done
	}
	return l, err
}

func (w *watch) get(ctx context.Context, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Accept", "text/html")
	response, err := w.server.Client().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// judge finds whether the dashboard said that Redis was away when it was, showed right numbers when it did not, and was
// back by itself in time.
func (w *watch) judge(a *aside, j *judge, queues []string, lost map[string]int64) {
	a.Pages = len(w.pages)
	unseen, age := fresh+w.slowest(j, false), fresh+w.slowest(j, true)
	for _, l := range w.pages {
		if !l.shows {
			a.Banners++
		}
	}
	for _, looks := range [][]look{w.pages, w.numbers} {
		w.away(a, j, looks)
		if len(looks) == 0 || !looks[len(looks)-1].shows {
			a.problem("at the end the dashboard does not show anything")
		}
		for _, l := range looks {
			if l.shows {
				w.shown(a, j, l, unseen, age, queues, lost)
			}
		}
	}
	if a.Banners == 0 && slices.ContainsFunc(j.steps, func(s *step) bool { return s.away.to-s.away.from > int64(fresh) }) {
		a.problem("nothing is shown: the dashboard showed %d pages and no banner", a.Pages)
	}
	if bound := silenceBound + fresh + j.late(0, now()); a.DashboardAfter > bound {
		a.problem("the dashboard was away for %s after a promotion, at most %s", ms(a.DashboardAfter), ms(bound))
	}
}

// away measures for how long the dashboard said that Redis was away.
func (w *watch) away(a *aside, j *judge, looks []look) {
	since := int64(0)
	for _, l := range looks {
		if l.shows {
			since = 0
			continue
		}
		if since == 0 {
			since = l.from
		}
		a.DashboardAway = max(a.DashboardAway, time.Duration(l.to-since))
		if i := j.at(l.to); i >= 0 && j.steps[i].promoted != 0 && l.to > j.steps[i].promoted {
			a.DashboardAfter = max(a.DashboardAfter, time.Duration(l.to-max(since, j.steps[i].promoted)))
		}
	}
}

// slowest is how long the longest reading took. Those that an outage held up are left out if they shall be.
func (w *watch) slowest(j *judge, outages bool) (slowest time.Duration) {
	for _, l := range slices.Concat(w.pages, w.numbers) {
		away := slices.ContainsFunc(j.steps, func(s *step) bool { return l.from < s.away.to && s.away.from < l.to })
		if outages || !away {
			slowest = max(slowest, time.Duration(l.to-l.from))
		}
	}
	return slowest
}

// shown holds a look against the ledger: as many jobs are done as handlers have ended, but for those that Redis may
// have lost since.
func (w *watch) shown(a *aside, j *judge, l look, unseen, age time.Duration, queues []string, lost map[string]int64) {
	wrong := func(format string, args ...any) {
		if a.WrongPages++; a.WrongPages <= 5 {
			a.problem(format, args...)
		}
	}
	for _, s := range j.steps {
		if s.away.has(l.from-int64(unseen)) && s.away.has(l.to) {
			wrong("the dashboard showed no banner in step %s, while Redis was away", s.name)
			return
		}
	}
	if l.done == nil {
		return
	}
	for _, name := range queues {
		least, most := j.book.shown(name, l.from-int64(age), l.to)
		if done := l.done[name]; done < least-lost[name] || done > most {
			wrong("the dashboard showed %d done jobs of queue %s, of which there were %d to %d, %d lost by Redis", done, name,
				least, most, lost[name])
		}
	}
}

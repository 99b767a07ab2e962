package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// Whatever is asked for, and whatever a form says, is answered, or refused as the request's fault.
func FuzzRequests(f *testing.F) {
	rdb := redistest.New(f).Client(f)
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := client.Enqueue(f.Context(), queue.JSON("k", []byte(`{"a":1}`)), queue.On("orders")); err != nil {
		f.Fatal(err)
	}
	client.Close()
	board, err := dashboard.New(dashboard.Config{Redis: rdb, Auth: dashboard.Open{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = board.Close() })
	for _, seed := range [][3]string{
		{"/", "queue=orders&span=7d", ""}, {"/waiting", "queue=orders&q=args.a:1+kind:k&cursor=1-1", ""},
		{"/delayed", "queue=orders&state=retrying&cursor=1:a", ""}, {"/dead", "q=%00", ""}, {"/queues", "first=-1", ""},
		{"/queues/orders/jobs/dead:1-1", "", ""}, {"/queues/a%2Fb/jobs/..", "", ""}, {"/locks", "cursor=9:9&q=*", ""},
		{"/audit", "before=x&refused=1", ""}, {"/workers", "queue=x", ""}, {"/operations/1", "", ""},
		{"/api/v1/waiting", "queue=orders&q=age:>1h", ""},
		{"/queues/pause", "", "queue=orders"}, {"/queues/forget", "", "queue=orders&confirm=orders"},
		{"/jobs/act", "", "queue=orders&state=waiting&action=bury&id=x"},
		{"/jobs/act", "", "queue=orders&state=dead&action=requeue&scope=matching&q=kind:k"},
		{"/jobs/requeue-with", "", "queue=orders&id=x&data=[1"}, {"/jobs/reschedule", "", "queue=orders&id=x&in=-1s"},
		{"/jobs/edit", "", "queue=orders&id=x&data={}"},
		{"/workers/command", "", "worker=w&command=stop"}, {"/locks/evict", "", "name=a&kind=lock"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, path, query, form string) {
		target, err := url.ParseRequestURI("http://localhost" + path)
		if err != nil || strings.HasPrefix(path, "/live") { // a stream
			return
		}
		method := http.MethodGet
		if form != "" {
			method = http.MethodPost
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost/", strings.NewReader(form))
		r.URL, r.URL.RawQuery = target, query
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		board.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %q?%q %q: %d %s", method, path, query, form, w.Code, w.Body)
		}
	})
}

// What a proxy sends on from its client makes nobody an operator that neither is one nor is in a group of them.
func FuzzProxyHeaders(f *testing.F) {
	auth, err := dashboard.NewProxy(dashboard.Proxy{
		From:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Roles: dashboard.Roles{Operators: []string{"@oncall", "olga"}, Viewers: []string{"vera", "@dev"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][2]string{
		{"olga", ""}, {"vera", "dev,oncall"}, {"@oncall", "@oncall"}, {"*", "*"}, {"olga ", " oncall "}, {"", ","},
		{"OLGA", "ONCALL"},
	} {
		f.Add(seed[0], seed[1], "192.0.2.9:1234")
		f.Add(seed[0], seed[1], "198.51.100.9:1234")
	}
	f.Fuzz(func(t *testing.T, name, groups, from string) {
		user, ok := auth.Identify(&http.Request{RemoteAddr: from, Header: http.Header{
			"X-Forwarded-User": {name}, "X-Forwarded-Groups": {groups},
		}})
		if !ok {
			return
		}
		all := strings.Split(groups, ",")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		if operator := name == "olga" || slices.Contains(all, "oncall"); operator != (user.Role == dashboard.Operator) {
			t.Errorf("%q of %q is %+v", name, groups, user)
		}
		if !strings.Contains(from, "192.0.2.") || user.Name != name || strings.HasPrefix(name, "@") || name == "*" {
			t.Errorf("%q of %q from %q is %+v", name, groups, from, user)
		}
	})
}

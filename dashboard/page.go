package dashboard

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/internal/visible"
)

// page is one of the dashboard's pages.
type page struct {
	section  string // in the navigation
	title    string
	template string   // its name among the templates
	query    []string // the parameters that it takes: others mean nothing, and are not passed on
	// load reads what the page shows. It is the same for every user: what was read for one is shown to another.
	load func(ctx context.Context, d *Dashboard, r *Request) (any, error)
}

// Request is what a page is asked for.
type Request struct {
	url.Values                          // the query
	PathValue  func(name string) string // see [http.Request.PathValue]
	Now        time.Time
}

// pageData is what a template is given.
type pageData struct {
	Title       string
	Section     string
	Sections    []section
	Prefix      string
	Version     string
	Environment string
	Tenant      string // whose namespace it is; "" where nobody else has one
	User        User
	CanAct      bool
	CSRF        string
	Logout      string // the address to post to in order to log out; "" if there is no login
	Query       url.Values
	Address     string // of this page, with its query, under the prefix
	Summary     summary
	Now         time.Time
	Down        *outage // something could not be read
	Complaint   string  // what is wrong with the query
	Notice      *Notice
	Body        any // nil if nothing could be read
}

// outage is shown while something cannot be read.
type outage struct {
	Since time.Time // of what is shown; zero if nothing is
	Cause string
	Away  bool // Redis does not answer; else it has answered, and that cannot be shown
}

func newOutage(seen cached) *outage {
	return &outage{Since: seen.at, Cause: shownText(seen.err), Away: redisx.IsAway(seen.err)}
}

const apiPath = "/api/v1"

// page adds a page, and under /api/v1 what it shows as JSON.
func (d *Dashboard) page(mux *http.ServeMux, path string, p page) {
	mux.Handle("GET "+path, d.viewer(func(w http.ResponseWriter, r *http.Request) { d.show(w, r, p) }))
	if path == "/{$}" {
		path = "/" + p.section
	}
	mux.Handle("GET "+apiPath+path, d.viewer(func(w http.ResponseWriter, r *http.Request) { d.data(w, r, p) }))
}

// pathOf names what a page shows, whether it is asked for as HTML or as JSON.
func pathOf(r *http.Request, p page) string {
	path := strings.TrimPrefix(r.URL.Path, apiPath)
	if path == "/" {
		return "/" + p.section
	}
	return path
}

func (d *Dashboard) show(w http.ResponseWriter, r *http.Request, p page) {
	seen := d.read(r, p)
	out := d.pageData(r, p)
	out.Body, out.Notice = seen.data, d.notice(w, r)
	status := http.StatusOK
	if seen.err != nil {
		status = statusOf(seen.err)
	}
	switch status {
	case http.StatusOK:
	case http.StatusBadRequest:
		out.Complaint, out.Body = seen.err.Error(), nil
	case http.StatusNotFound:
		out.Complaint, out.Body = "Not found. It may have existed before.", nil
	default:
		out.Down = newOutage(seen)
		d.cfg.Logger.Warn("cannot read what the page shows", "page", p.section, "error", seen.err)
	}
	d.render(w, status, p.template, out)
}

// read returns what a page shows, as it was within the last second.
func (d *Dashboard) read(r *http.Request, p page) cached {
	asked := &Request{Values: p.asked(r.URL.Query()), PathValue: r.PathValue, Now: d.cfg.Now()}
	key := p.title + " " + pathOf(r, p) + "?" + asked.Encode()
	if len(key) > addressMost {
		return cached{err: BadRequest("the address is too long: %d bytes at the most", addressMost)}
	}
	user := userOf(r.Context()).Name
	turn := &turn{of: d.readings, pace: d.pace, user: user}
	return d.cache.getIn(r.Context(), turn, key, d.cfg.Now, func(ctx context.Context) (any, error) {
		return p.load(ctx, d, asked)
	})
}

// addressMost bounds the address of a page with its query.
const addressMost = 4 << 10

// asked is what the page takes of a query: the first value of each of its parameters.
func (p page) asked(query url.Values) url.Values {
	taken := url.Values{}
	for _, name := range p.query {
		if value := query.Get(name); value != "" {
			taken.Set(name, value)
		}
	}
	return taken
}

// pageData returns what is the same on each page.
func (d *Dashboard) pageData(r *http.Request, p page) pageData {
	user := userOf(r.Context())
	counts := d.summary(r.Context(), &turn{}) // on top of each page, whatever it shows: nobody waits for it
	out := pageData{
		Title: p.title, Section: p.section, Sections: d.sections, Prefix: d.cfg.Prefix, Version: d.templates.version,
		Environment: d.cfg.Environment, User: user, CanAct: user.Role >= Operator,
		Logout: d.logout(), Query: r.URL.Query(), Address: address(d.cfg.Prefix, r.URL), Now: d.cfg.Now(),
	}
	if d.cfg.Tenant {
		out.Tenant = d.cfg.Namespace
	}
	if out.CanAct {
		out.CSRF = d.csrfToken(user)
	}
	if counts.data != nil {
		out.Summary = counts.data.(summary)
	}
	if counts.err != nil {
		out.Down = newOutage(counts)
	}
	return out
}

func address(prefix string, u *url.URL) string {
	if u.RawQuery == "" {
		return prefix + u.EscapedPath()
	}
	return prefix + u.EscapedPath() + "?" + u.Query().Encode()
}

// render writes the whole of a page or, if its template fails, nothing of it.
func (d *Dashboard) render(w http.ResponseWriter, status int, template string, out pageData) {
	var buffer bytes.Buffer
	if err := d.templates.execute(&buffer, template, out); err != nil {
		d.cfg.Logger.Error("cannot render the page", "page", template, "error", err)
		http.Error(w, "this page cannot be shown; the monitor's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(visible.HTML(buffer.Bytes()))
}

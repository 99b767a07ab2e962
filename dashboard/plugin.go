package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
)

// Page is the page of a feature, which [Config.Pages] plugs into the dashboard. It is reached by Path, its data as JSON
// by /api/v1 and Path, and the navigation lists it. Whoever may look at the dashboard may look at it, and operators
// may act; its headers, cache and protection from other sites' forms are those of every page.
type Page struct {
	Path  string // such as "/flags": one word
	Title string
	Key   string // g and this key go there; none if empty

	// Template is the HTML of the page: it defines "content". What Load returned is .Body. A form is for operators,
	// {{if .CanAct}}; it posts .CSRF as csrf and, to come back to the page, .Address as back.
	Template string
	// Funcs are functions of the template besides those of the dashboard.
	Funcs template.FuncMap

	// Query are the parameters of the address that Load takes: others are not passed on. Each combination of their values
	// is read by itself.
	Query []string

	// Load reads what the page shows, the same for every user, and once a second at the most however many browsers ask;
	// less often if what it returns has a method FreshFor() time.Duration. Its errors are [BadRequest], [NotFound], or
	// of a Redis that does not answer.
	Load func(ctx context.Context, r *Request) (any, error)

	// Actions are what operators can do, by one word: "switch" is posted to /flags/switch.
	Actions map[string]Action
}

// Action does what an operator's form asks for. It returns what is shown then, or why nothing was done.
type Action func(f *Form) (Notice, error)

var (
	pagePath   = regexp.MustCompile(`^/[a-z][a-z0-9-]*$`)
	actionName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// taken are the words that addresses of the dashboard itself begin with, besides those of its pages.
var taken = []string{"/overview", "/assets", "/live", "/api", "/jobs", "/operations", "/login", "/logout", "/oidc",
	"/sessions", "/tenants"}

// validate refuses a page that could not be served beside those of before.
func (p Page) validate(before []section) error {
	clash := func(s section) bool { return s.Path == p.Path }
	switch {
	case !pagePath.MatchString(p.Path):
		return fmt.Errorf("dashboard: a page's path is a word such as /flags, not %q", p.Path)
	case slices.Contains(taken, p.Path) || slices.ContainsFunc(before, clash):
		return fmt.Errorf("dashboard: %s is the path of another page", p.Path)
	case p.Title == "":
		return fmt.Errorf("dashboard: page %s has no title", p.Path)
	case p.Load == nil:
		return fmt.Errorf("dashboard: page %s has no Load", p.Path)
	}
	for name, do := range p.Actions {
		if !actionName.MatchString(name) || do == nil {
			return fmt.Errorf("dashboard: page %s: %q is no action", p.Path, name)
		}
	}
	return nil
}

func (p Page) name() string { return p.Path[1:] }

// plug adds the routes of a page.
func (d *Dashboard) plug(mux *http.ServeMux, p Page) {
	load := func(ctx context.Context, _ *Dashboard, r *Request) (any, error) { return p.Load(ctx, r) }
	d.page(mux, p.Path, page{section: p.name(), title: p.Title, template: p.Path, query: p.Query, load: load})
	for name, do := range p.Actions {
		d.action(mux, p.Path+"/"+name, do)
	}
}

// navigation lists the dashboard's own pages, then those of the configuration.
func navigation(cfg Config) ([]section, error) {
	all := slices.Clone(ownSections)
	if cfg.Tenant {
		all = slices.DeleteFunc(all, func(s section) bool { return slices.Contains(shared, s.Name) })
	}
	for _, p := range cfg.Pages {
		if err := p.validate(all); err != nil {
			return nil, err
		}
		all = append(all, section{p.name(), p.Path, p.Title, p.Key, features})
	}
	return all, nil
}

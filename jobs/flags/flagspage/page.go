// Package flagspage is the dashboard's page of feature flags: it lists them and what has happened to each, and lets
// operators switch them.
package flagspage

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/jobs/flags"
)

const (
	pageSize = 100
	events   = 20 // of one flag, the latest
)

//go:embed page.html
var html string

// New returns the page of the flags in Redis.
func New(rdb redis.UniversalClient) dashboard.Page {
	p := page{rdb: rdb, store: flags.New(rdb)}
	return dashboard.Page{
		Path: "/flags", Title: "Flags", Key: "f",
		Template: html, Funcs: template.FuncMap{"schedule": schedule, "share": share, "targeting": targeting},
		Query:   []string{"flag", "cursor"},
		Load:    p.load,
		Actions: map[string]dashboard.Action{"switch": p.turn, "percent": p.rollOut, "adopt": p.adopt},
	}
}

type page struct {
	rdb   redis.UniversalClient
	store *flags.Store
}

// list is a page of the flags, or one flag with what has happened to it.
type list struct {
	Flags []flags.Flag  `json:"flags"`
	One   string        `json:"one,omitempty"` // its name
	Trail []flags.Event `json:"trail,omitempty"`
	Next  string        `json:"next,omitempty"` // the cursor of the next page
}

func (p page) load(ctx context.Context, r *dashboard.Request) (any, error) {
	if name := strings.TrimSpace(r.Get("flag")); name != "" {
		return p.one(ctx, name)
	}
	found, err := p.store.List(ctx, r.Get("cursor"), pageSize)
	l := list{Flags: found}
	if len(found) == pageSize {
		l.Next = found[len(found)-1].Name
	}
	return l, withStatus(err)
}

func (p page) one(ctx context.Context, name string) (any, error) {
	flag, err := p.flag(ctx, name)
	if err != nil {
		return nil, err
	}
	trail, err := p.store.Trail(ctx, name, "", events)
	return list{Flags: []flags.Flag{flag}, One: name, Trail: trail}, withStatus(err)
}

func (p page) flag(ctx context.Context, name string) (flags.Flag, error) {
	flag, known, err := p.store.Flag(ctx, name)
	if err == nil && !known {
		err = dashboard.NotFound("there is no flag %q", name)
	}
	return flag, withStatus(err)
}

// withStatus marks the errors that are the caller's.
func withStatus(err error) error {
	if errors.Is(err, flags.ErrInvalid) {
		return dashboard.BadRequest("%w", err)
	}
	return err
}

// turn turns a flag on or off for everyone.
func (p page) turn(f *dashboard.Form) (dashboard.Notice, error) {
	name, to := f.Value("flag"), f.Value("to")
	back := map[string]string{"on": "off", "off": "on"}[to]
	if back == "" {
		return dashboard.Notice{}, dashboard.BadRequest("to is on or off, not %q", to)
	}
	flag, err := p.flag(f.Context(), name)
	if err != nil {
		return dashboard.Notice{}, err
	}
	if flag.On == (to == "on") {
		return dashboard.Notice{Text: fmt.Sprintf("%s is already %s for everyone.", name, to)}, nil
	}
	change := flags.Change{Flag: name, Action: flags.Enable}
	if to == "off" {
		change.Action = flags.Disable
	}
	if err := p.store.Apply(f.Context(), "", author(f), change); err != nil {
		return dashboard.Notice{}, withStatus(err)
	}
	f.Audit("flag."+string(change.Action), name, "")
	result := dashboard.Notice{
		Text: fmt.Sprintf("%s is %s for everyone.", name, to),
		Undo: &dashboard.Undo{Action: "/flags/switch", Fields: map[string]string{"flag": name, "to": back}},
	}
	if to == "off" && (flag.UsersOn > 0 || flag.Rules.Percent > 0) {
		result.Text += " It is still on for the users it names, and for its share of all."
	}
	return result, nil
}

// rollOut sets for which share of all users a flag is on.
func (p page) rollOut(f *dashboard.Form) (dashboard.Notice, error) {
	name := f.Value("flag")
	percent, err := strconv.ParseFloat(strings.TrimSpace(f.Value("percent")), 64)
	if err != nil {
		return dashboard.Notice{}, dashboard.BadRequest("percent is a number from 0 to 100, not %q", f.Value("percent"))
	}
	flag, err := p.flag(f.Context(), name)
	if err != nil {
		return dashboard.Notice{}, err
	}
	if flag.Problem != "" {
		return dashboard.Notice{}, dashboard.BadRequest(
			"the rules of %s are not changed, since they cannot be read: %s", name, flag.Problem)
	}
	before, err := p.store.SetPercent(f.Context(), name, percent, author(f))
	if err != nil {
		return dashboard.Notice{}, withStatus(err)
	}
	f.Audit("flag.percent", name, fmt.Sprintf("from %s to %s", share(before), share(percent)))
	return dashboard.Notice{
		Text: fmt.Sprintf("%s is on for %s of all users.", name, share(percent)),
		Undo: &dashboard.Undo{Action: "/flags/percent", Fields: map[string]string{
			"flag": name, "percent": strconv.FormatFloat(before, 'f', -1, 64),
		}},
	}, nil
}

// adopt looks through all keys for flags that other programs set.
func (p page) adopt(f *dashboard.Form) (dashboard.Notice, error) {
	keys, err := p.rdb.DBSize(f.Context()).Result()
	if err != nil {
		return dashboard.Notice{}, fmt.Errorf("count the keys: %w", err)
	}
	f.Audit("flag.adopt", "all keys", "")
	const title = "Look for flags that other programs set"
	return f.InBackground(title, keys, func(ctx context.Context, _ func(int64)) (string, error) {
		n, err := p.store.Adopt(ctx)
		if n == 1 {
			return "1 flag was found.", err
		}
		return fmt.Sprintf("%d flags were found.", n), err
	})
}

func author(f *dashboard.Form) flags.Author {
	return flags.Author{By: f.User.Name, Reason: "in the monitor"}
}

// share writes a percentage as a person does.
func share(percent float64) string { return strconv.FormatFloat(percent, 'f', -1, 64) + " %" }

// schedule says when a flag's percentage counts.
func schedule(rules flags.Rules) string {
	var parts []string
	if !rules.From.IsZero() {
		parts = append(parts, "from "+rules.From.UTC().Format(time.RFC3339))
	}
	if !rules.Until.IsZero() {
		parts = append(parts, "until "+rules.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, " ")
}

// targeting says whom a flag is for beyond a percentage, a line for each rule.
func targeting(rules flags.Rules) (lines []string) {
	if rules.Disabled {
		lines = append(lines, "disabled for all")
	}
	for _, required := range rules.Requires {
		lines = append(lines, strings.TrimSpace("requires "+required.Flag+" "+required.Variant))
	}
	for _, target := range rules.Targets {
		conditions := make([]string, len(target.When))
		for i, c := range target.When {
			conditions[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Attribute, c.Op, values(c.Values)))
		}
		gives := "on"
		switch {
		case target.Off:
			gives = "off"
		case target.Variant != "":
			gives = target.Variant
		}
		lines = append(lines, gives+" where "+strings.Join(conditions, " and "))
	}
	if rules.Default != "" {
		lines = append(lines, "otherwise "+rules.Default)
	}
	return lines
}

// values writes those of a condition; of many the first.
func values(all []any) string {
	const most = 5
	texts := make([]string, 0, most)
	for i, value := range all {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(all)-most))
			break
		}
		texts = append(texts, fmt.Sprint(value))
	}
	return strings.Join(texts, ", ")
}

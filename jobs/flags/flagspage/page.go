package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/queue"
)

const (
	flagPage   = 100
	flagEvents = 20
)

// flagList is a page of the flags, or one flag with what has happened to it.
type flagList struct {
	Flags []flags.Flag  `json:"flags"`
	One   string        `json:"one,omitempty"` // its name
	Trail []flags.Event `json:"trail,omitempty"`
	Next  string        `json:"next,omitempty"` // the cursor of the next page
}

var flagsPage = page{section: "flags", title: "Flags", template: "flags", load: loadFlags}

func loadFlags(ctx context.Context, d *Dashboard, r *request) (any, error) {
	if name := strings.TrimSpace(r.Get("flag")); name != "" {
		return d.oneFlag(ctx, name)
	}
	found, err := d.flags.List(ctx, r.Get("cursor"), flagPage)
	l := flagList{Flags: found}
	if len(found) == flagPage {
		l.Next = found[len(found)-1].Name
	}
	return l, err
}

func (d *Dashboard) oneFlag(ctx context.Context, name string) (any, error) {
	flag, err := d.flag(ctx, name)
	if err != nil {
		return nil, err
	}
	trail, err := d.flags.Trail(ctx, name, "", flagEvents)
	return flagList{Flags: []flags.Flag{flag}, One: name, Trail: trail}, err
}

func (d *Dashboard) flag(ctx context.Context, name string) (flags.Flag, error) {
	flag, known, err := d.flags.Flag(ctx, name)
	if err == nil && !known {
		err = fmt.Errorf("there is no flag %q: %w", name, queue.ErrNotFound)
	}
	return flag, err
}

// switchFlag turns a flag on or off for everyone.
func (d *Dashboard) switchFlag(r *http.Request, user User) (notice, error) {
	name, to := r.PostFormValue("flag"), r.PostFormValue("to")
	back := map[string]string{"on": "off", "off": "on"}[to]
	if back == "" {
		return notice{}, badQuery("to is on or off, not %q", to)
	}
	flag, err := d.flag(r.Context(), name)
	if err != nil {
		return notice{}, err
	}
	if flag.On == (to == "on") {
		return notice{Text: fmt.Sprintf("%s is %s for everyone already.", name, to)}, nil
	}
	change := flags.Change{Flag: name, Action: flags.Enable}
	if to == "off" {
		change.Action = flags.Disable
	}
	if err := d.flags.Apply(r.Context(), "", authorOf(user), change); err != nil {
		return notice{}, err
	}
	d.audit(r.Context(), user, "flag."+string(change.Action), name, "")
	told := notice{
		Text: fmt.Sprintf("%s is %s for everyone.", name, to),
		Undo: &undo{"/flags/switch", map[string]string{"flag": name, "to": back}},
	}
	if to == "off" && (flag.UsersOn > 0 || flag.Rules.Percent > 0) {
		told.Text += " It is still on for the users it names, and for its share of all."
	}
	return told, nil
}

// rollOut sets for which share of all users a flag is on.
func (d *Dashboard) rollOut(r *http.Request, user User) (notice, error) {
	name := r.PostFormValue("flag")
	percent, err := strconv.ParseFloat(strings.TrimSpace(r.PostFormValue("percent")), 64)
	if err != nil {
		return notice{}, badQuery("percent is a number from 0 to 100, not %q", r.PostFormValue("percent"))
	}
	flag, err := d.flag(r.Context(), name)
	if err != nil {
		return notice{}, err
	}
	if flag.Problem != "" {
		return notice{}, badQuery("the rules of %s are not changed, since they cannot be read: %s", name, flag.Problem)
	}
	before, err := d.flags.SetPercent(r.Context(), name, percent, authorOf(user))
	if err != nil {
		return notice{}, err
	}
	d.audit(r.Context(), user, "flag.percent", name, fmt.Sprintf("from %s to %s", share(before), share(percent)))
	return notice{
		Text: fmt.Sprintf("%s is on for %s of all users.", name, share(percent)),
		Undo: &undo{"/flags/percent", map[string]string{"flag": name, "percent": strconv.FormatFloat(before, 'f', -1, 64)}},
	}, nil
}

// adoptFlags looks through all keys for flags that other programs set, and goes on when the page has been left.
func (d *Dashboard) adoptFlags(r *http.Request, user User) (notice, error) {
	keys, err := d.cfg.Redis.DBSize(r.Context()).Result()
	if err != nil {
		return notice{}, fmt.Errorf("count the keys: %w", err)
	}
	d.audit(r.Context(), user, "flag.adopt", "all keys", "")
	op, err := d.operations.begin("Look for flags that other programs set", user, keys, func(ctx context.Context, _ func(int64)) (string, error) {
		n, err := d.flags.Adopt(ctx)
		d.views.forget()
		return plural(int64(n), "flag was", "flags were") + " found.", err
	})
	if err != nil {
		return notice{}, err
	}
	if !op.endsWithin(r.Context(), operationQuick) {
		return notice{Text: "All keys are looked at.", Operation: op.ID}, nil
	}
	if seen := op.look(); seen.Failure != "" {
		return notice{}, fmt.Errorf("look for flags: %s", seen.Failure)
	}
	return notice{Text: op.look().Result}, nil
}

func authorOf(user User) flags.Author { return flags.Author{By: user.Name, Reason: "in the monitor"} }

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

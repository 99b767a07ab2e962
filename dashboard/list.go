package dashboard

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/inspect"
)

const listPage = 50

// list is a page of a queue's jobs in one state.
type list struct {
	Queue   string              `json:"queue"`
	State   inspect.State       `json:"state"`
	Filter  string              `json:"filter,omitempty"`
	Found   inspect.SearchPage  `json:"found"`
	Choices []choice            `json:"-"` // the queues, with how many jobs each has in the state
	Holders []holder            `json:"holders,omitempty"`
	Groups  *inspect.DeadGroups `json:"groups,omitempty"`
	Info    inspect.QueueInfo   `json:"-"`
}

// FreshFor is a second for each thousand jobs that were looked at.
func (l list) FreshFor() time.Duration { return time.Duration(l.Found.Scanned) * time.Millisecond }

// choice is a queue that could be shown instead.
type choice struct {
	Name  string
	Count int64
}

// listQuery are the parameters of a list of jobs.
var listQuery = []string{"queue", "q", "cursor"}

// The lists of jobs, by state.
var (
	pendingPage = page{section: "pending", title: "Pending", template: "pending", query: listQuery, load: loadPending}
	waitingPage = page{
		section: "waiting", title: "Waiting", template: "waiting", query: listQuery, load: listOf(inspect.StateWaiting),
	}
	delayedPage = page{
		section: "delayed", title: "Delayed and retrying", template: "delayed", query: append(listQuery, "state"),
		load: loadDelayed,
	}
	deadPage = page{section: "dead", title: "Dead", template: "dead", query: listQuery, load: loadDead}

	cancelledPage = page{
		section: "cancelled", title: "Cancelled", template: "cancelled", query: listQuery,
		load: listOf(inspect.StateCancelled),
	}
	expiredPage = page{
		section: "expired", title: "Expired", template: "expired", query: listQuery, load: listOf(inspect.StateExpired),
	}
)

func listOf(state inspect.State) func(context.Context, *Dashboard, *Request) (any, error) {
	return func(ctx context.Context, d *Dashboard, r *Request) (any, error) { return d.list(ctx, r, state) }
}

func loadDelayed(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	state := inspect.State(r.Get("state"))
	if state == "" {
		state = inspect.StateDelayed
	}
	if state != inspect.StateDelayed && state != inspect.StateRetrying {
		return nil, BadRequest("state is delayed or retrying, not %q", state)
	}
	return d.list(ctx, r, state)
}

// list searches the queue that is asked for; by default, the one with most jobs in the state.
func (d *Dashboard) list(ctx context.Context, r *Request, state inspect.State) (list, error) {
	seen := d.fleet(ctx)
	if seen.err != nil {
		return list{}, seen.err
	}
	all := seen.data.(fleet)
	l := list{State: state, Filter: strings.TrimSpace(r.Get("q")), Queue: r.Get("queue")}
	for _, info := range all.Queues {
		l.Choices = append(l.Choices, choice{info.Name, info.Count(state)})
	}
	if l.Queue == "" && len(l.Choices) > 0 {
		l.Queue = slices.MaxFunc(l.Choices, func(a, b choice) int { return int(min(max(a.Count-b.Count, -1), 1)) }).Name
	}
	if l.Queue == "" {
		return l, nil
	}
	at := slices.IndexFunc(all.Queues, func(info inspect.QueueInfo) bool { return info.Name == l.Queue })
	var err error
	if at >= 0 {
		l.Info = all.Queues[at]
	} else if l.Info, err = d.inspector.Queue(ctx, l.Queue); redisx.IsAway(err) || errors.Is(err, inspect.ErrNotFound) {
		return l, err
	} else if err != nil {
		return l, NotFound("%s cannot be shown: %v", l.Queue, err)
	} else { // it is on no page that was read
		l.Choices = append(l.Choices, choice{l.Queue, l.Info.Count(state)})
	}
	query, err := d.parseFilter(l.Filter, state)
	if err != nil {
		return l, err
	}
	if cursor := r.Get("cursor"); !isCursor(cursor, state) {
		return l, BadRequest("%q is no cursor of this list", cursor)
	}
	l.Found, err = d.inspector.Search(ctx, l.Queue, query, inspect.Page{
		Cursor: r.Get("cursor"), Limit: listPage, MaxData: listData,
	})
	for i := range l.Found.Jobs {
		d.bound(&l.Found.Jobs[i])
	}
	return l, err
}

// parseFilter reads a filter. One for a field that is hidden is refused: by what it finds, the field could be read.
func (d *Dashboard) parseFilter(text string, state inspect.State) (inspect.Query, error) {
	query, err := inspect.ParseQuery(text)
	if err != nil {
		return query, BadRequest("%s", strings.TrimPrefix(err.Error(), "queue: "))
	}
	for path := range query.Data {
		if d.mask.hidesPath(path) {
			return query, BadRequest("args.%s is hidden here, and cannot be filtered by", path)
		}
	}
	query.State = state
	return query, nil
}

// with returns the query string of this page with some values changed; "" takes one away. It begins anew from the
// first page.
func with(query url.Values, pairs ...string) string {
	changed := url.Values{}
	for name, values := range query {
		if name != "cursor" {
			changed[name] = values
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		changed.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			changed.Del(pairs[i])
		}
	}
	return "?" + changed.Encode()
}

// isCursor reports whether a list of the state could have returned this cursor.
func isCursor(cursor string, state inspect.State) bool {
	if cursor == "" {
		return true
	}
	if state != inspect.StateDelayed && state != inspect.StateRetrying {
		return entryID.MatchString(cursor)
	}
	due, id, ok := strings.Cut(cursor, ":")
	_, err := strconv.ParseFloat(due, 64)
	return ok && id != "" && err == nil
}

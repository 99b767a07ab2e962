package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/internal/visible"
	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	cronMost = 500              // entries on the page
	cronOld  = 10 * time.Second // how old they may be because it takes long to read them
)

// cronList is the cron entries of all queues, by queue and name.
type cronList struct {
	Entries []inspect.CronEntry `json:"entries"` // without their data
	Total   int                 `json:"total"`   // of the queues that were read
	Queues  int                 `json:"queues"`  // that have entries
	Unread  int                 `json:"unread"`  // of them, those that come after the last entry shown
	Broken  []brokenQueue       `json:"broken,omitempty"`
	took    time.Duration
}

// FreshFor is four times as long as the reading took.
func (l cronList) FreshFor() time.Duration { return min(4*l.took, cronOld) }

// cronEntry is one cron entry, with what became of its last ticks.
type cronEntry struct {
	inspect.CronEntry
	History []inspect.CronTick `json:"history"` // the latest first
	LeftOut int64              `json:"left_out,omitempty"`
}

var (
	cronPage      = page{section: "cron", title: "Cron", template: "cron", load: loadCrons}
	cronEntryPage = page{section: "cron", title: "Cron entry", template: "cronentry", query: []string{"queue", "name"},
		load: loadCron}
)

// cronRoutes adds the pages of the cron entries, and what people do to them.
func (d *Dashboard) cronRoutes(mux *http.ServeMux) {
	d.page(mux, "/cron", cronPage)
	d.page(mux, "/cron/entry", cronEntryPage)
	d.action(mux, "/cron/pause", d.pauseCron)
	d.action(mux, "/cron/resume", d.resumeCron)
	d.action(mux, "/cron/run", d.runCron)
	d.action(mux, "/cron/edit", d.editCron)
	d.action(mux, "/cron/delete", d.deleteCron)
}

func loadCrons(ctx context.Context, d *Dashboard, _ *Request) (any, error) {
	began := d.cfg.Now()
	names, err := d.inspector.CronQueues(ctx)
	if err != nil {
		return nil, err
	}
	l := cronList{Entries: []inspect.CronEntry{}, Queues: len(names)}
	for k, name := range names {
		if len(l.Entries) >= cronMost {
			l.Unread = len(names) - k
			break
		}
		entries, err := d.inspector.Crons(ctx, name)
		if redisx.IsAway(err) {
			return nil, err
		}
		if err != nil { // it does not hide the others
			l.Broken = append(l.Broken, brokenQueue{name, shownText(err)})
			continue
		}
		l.Total += len(entries)
		for _, e := range entries[:min(len(entries), cronMost-len(l.Entries))] {
			e.Data = nil
			l.Entries = append(l.Entries, e)
		}
	}
	l.took = d.cfg.Now().Sub(began)
	return l, nil
}

func loadCron(ctx context.Context, d *Dashboard, r *Request) (any, error) {
	queue, name := r.Get("queue"), r.Get("name")
	if queue == "" || name == "" {
		return nil, BadRequest("queue and name say which entry")
	}
	e, err := d.inspector.Cron(ctx, queue, name)
	if err != nil {
		return nil, err
	}
	shown := cronEntry{CronEntry: e}
	if shown.History, err = d.inspector.CronHistory(ctx, queue, name); err != nil {
		return nil, err
	}
	shown.Data, shown.LeftOut = d.boundData(e.Data)
	return shown, nil
}

// cronAddress is the page of a cron entry, whatever it and its queue are called.
func cronAddress(queue, name string) string {
	return "/cron/entry?" + url.Values{"queue": {queue}, "name": {name}}.Encode()
}

// cronJob is the page of an entry's last job.
func cronJob(e inspect.CronEntry) string {
	return jobAddress(inspect.JobInfo{Queue: e.Queue, ID: e.Job})
}

// cronShell lists the commands that do at a shell what the page of an entry does.
func cronShell(e inspect.CronEntry) []string {
	entry := " " + visible.Shell(e.Queue) + " " + visible.Shell(e.Name)
	return []string{
		"monitor cron history" + entry, "monitor cron pause" + entry, "monitor cron resume" + entry,
		"monitor cron run" + entry, "monitor cron edit" + entry + " --spec " + visible.Shell(e.Spec),
		"monitor cron delete" + entry + " --yes",
	}
}

package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/visible"
	"github.com/navvy-go/navvy/queue/inspect"
)

const previewRunes = 100

// preview is the beginning of a job's data, on one line.
func preview(data json.RawMessage) string {
	text := strings.Join(strings.Fields(string(data)), " ")
	if runes := []rune(text); len(runes) > previewRunes {
		return string(runes[:previewRunes-1]) + "…"
	}
	return text
}

func attempts(j inspect.JobInfo) string {
	if j.MaxAttempts > 0 {
		return strconv.Itoa(j.Attempt) + "/" + strconv.Itoa(j.MaxAttempts)
	}
	return strconv.Itoa(j.Attempt)
}

// idle shows for how long an entry has been idle, counting on between two readings. If it is known when another worker
// takes it over, a bar fills up to then.
func idle(j inspect.JobInfo, now time.Time) template.HTML {
	text := fmt.Sprintf(`<span data-counts="%d">%s</span>`, j.IdleMS, span(time.Duration(j.IdleMS)*time.Millisecond))
	if j.NextAt == nil {
		return template.HTML(text) //nolint:gosec // numbers only
	}
	left := max(j.NextAt.Sub(now).Milliseconds(), 0)
	class := "warn"
	if j.Heartbeat == inspect.HeartbeatGone {
		class = "bad"
	}
	bar := fmt.Sprintf(`<progress class="%s" data-ticks max="%d" value="%d"></progress>`, class, j.IdleMS+left, j.IdleMS)
	return template.HTML(text + "<br>" + bar) //nolint:gosec // numbers only
}

func emptyPending(filter string) string {
	for _, p := range presets {
		if p.Filter == filter {
			return p.Says
		}
	}
	return "No job in flight matches."
}

// signatureFilter is the filter that finds a group's jobs.
func signatureFilter(g inspect.DeadGroup) string {
	return inspect.Query{Signature: g.Signature}.String()
}

// workerFilter is the filter that finds what a consumer holds, whatever it is called.
func workerFilter(consumer string) string { return inspect.Query{Worker: consumer}.String() }

// jobAddress is the page of a job, whatever its ID and its queue are called.
func jobAddress(j inspect.JobInfo) string {
	return "/queues/" + url.PathEscape(j.Queue) + "/jobs/" + url.PathEscape(j.Name())
}

// filterHints are what a filter may begin with.
func filterHints(state inspect.State) []string {
	hints := []string{"kind:", "id:", "args.", "age:>1h", `error:"…"`}
	switch state {
	case inspect.StateInFlight:
		hints = append(hints, "worker:", "idle:>30s", "deliveries:>=3", "is:stuck", "is:poison", "is:orphaned")
	case inspect.StateDead, inspect.StateCancelled, inspect.StateExpired:
		hints = append(hints, "worker:")
	}
	return hints
}

// redisCLI lists the commands that show a list's page without the monitor.
func redisCLI(l list) []string {
	quote := visible.Shell
	switch stream, group := quote(l.Info.Stream), quote(l.Info.Group); l.State {
	case inspect.StateInFlight:
		return []string{
			"redis-cli XPENDING " + stream + " " + group,
			"redis-cli XPENDING " + stream + " " + group + " - + 50",
		}
	case inspect.StateWaiting:
		return []string{
			"redis-cli XINFO GROUPS " + stream + "   # last-delivered-id",
			"redis-cli XRANGE " + stream + " '(<last-delivered-id>' + COUNT 50",
		}
	case inspect.StateDelayed:
		return []string{"redis-cli ZRANGE " + quote(l.Info.Keys.Delayed) + " 0 49 WITHSCORES"}
	case inspect.StateRetrying:
		return []string{"redis-cli ZRANGE " + quote(l.Info.Keys.Retrying) + " 0 49 WITHSCORES"}
	case inspect.StateDead:
		return []string{"redis-cli XREVRANGE " + quote(l.Info.Keys.Dead) + " + - COUNT 50"}
	case inspect.StateCancelled:
		return []string{"redis-cli XREVRANGE " + quote(l.Info.Keys.CancelledJobs) + " + - COUNT 50"}
	case inspect.StateExpired:
		return []string{"redis-cli XREVRANGE " + quote(l.Info.Keys.ExpiredJobs) + " + - COUNT 50"}
	}
	return nil
}

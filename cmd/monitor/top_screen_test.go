package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/navvy-go/navvy/queue/inspect"
)

// bench is a screen whose wishes are kept.
type bench struct {
	*screen
	scopes   []scope
	requests []request
}

func newBench() *bench {
	b := &bench{}
	b.screen = newScreen(
		func(s scope) { b.scopes = append(b.scopes, s) },
		func(r request) bool { b.requests = append(b.requests, r); return true },
	)
	return b
}

func (b *bench) press(keys ...string) *bench {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "down": tea.KeyDown,
		"up": tea.KeyUp, "left": tea.KeyLeft, "backspace": tea.KeyBackspace}
	for _, key := range keys {
		msg := tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
		if code, ok := special[key]; ok {
			msg = tea.KeyPressMsg{Code: code}
		}
		b.Update(msg)
	}
	return b
}

// typed presses a key for each letter.
func (b *bench) typed(text string) *bench { return b.press(strings.Split(text, "")...) }

// sees takes in a reading of what the screen wants to see.
func (b *bench) sees(jobs ...inspect.JobInfo) *bench {
	got := snapshot{of: b.scope(), at: time.Now(), queues: []inspect.QueueInfo{
		{Name: "events", Workers: 1}, {Name: "orders", Waiting: 12_345, Workers: 1},
	}}
	got.found.Jobs, got.found.Total = jobs, int64(len(jobs))
	b.Update(got)
	return b
}

func (b *bench) text() string { return ansi.Strip(b.View().Content) }

func (b *bench) shows(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(b.text(), w) {
			t.Errorf("the screen does not show %q:\n%s", w, b.text())
		}
	}
}

func onPane(p pane, jobs ...inspect.JobInfo) *bench {
	b := newBench().sees().press("down", fmt.Sprint(int(p)+1))
	return b.sees(jobs...)
}

func TestTopShowsQueuesAndFollowsTheChosenOne(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.shows(t, "reading …")
	b.sees().shows(t, "> events", "orders", "12.3k")
	b.press("down").shows(t, "> orders")
	b.press("enter")
	if got := b.scopes[len(b.scopes)-1]; got.pane != panePending || got.queue != "orders" {
		t.Errorf("enter on a queue wants to see %+v, not its pending jobs", got)
	}
	b.shows(t, "queue orders", "reading …")
	b.press("left")
	if got := b.scope(); got.queue != "events" {
		t.Errorf("left shows %+v, not the queue before", got)
	}
}

func TestTopStaysOnTheJobThatRowsMoveAround(t *testing.T) {
	t.Parallel()
	b := onPane(paneDead, inspect.JobInfo{ID: "a"}, inspect.JobInfo{ID: "b"}).press("down")
	b.sees(inspect.JobInfo{ID: "new"}, inspect.JobInfo{ID: "a"}, inspect.JobInfo{ID: "b"})
	b.shows(t, "> b ")
	b.press("r")
	if len(b.requests) != 1 || b.requests[0].name != "requeue b" {
		t.Errorf("r ordered %v, not to requeue b", b.requests)
	}
}

func TestTopForgetsAReadingOfAnotherSight(t *testing.T) {
	t.Parallel()
	b := onPane(panePending, inspect.JobInfo{ID: "held"})
	late := b.last
	b.press("4")
	b.Update(late)
	if strings.Contains(b.text(), "held") {
		t.Errorf("a job in flight is shown among the dead:\n%s", b.text())
	}
}

func TestTopAsksBeforeItDeletes(t *testing.T) {
	t.Parallel()
	b := onPane(paneDead, inspect.JobInfo{ID: "a"}).press("d")
	b.shows(t, "type delete to delete a")
	b.typed("yes").press("enter").shows(t, "type delete, or press esc")
	if len(b.requests) != 0 {
		t.Fatal("it deletes without the word")
	}
	b.press("backspace", "backspace", "backspace").typed("delete").press("enter")
	if len(b.requests) != 1 || b.requests[0].name != "delete a" {
		t.Fatalf("ordered %v, not to delete a", b.requests)
	}
	b.press("d", "esc")
	if b.prompt != nil || len(b.requests) != 1 {
		t.Error("esc did not take the question back")
	}
}

func TestTopCountsBeforeItActsOnAll(t *testing.T) {
	t.Parallel()
	b := onPane(paneDead).press("/").typed("kind:k").press("enter")
	b.sees(inspect.JobInfo{ID: "a"}).press("R")
	if len(b.requests) != 1 || b.requests[0].name != "count" {
		t.Fatalf("ordered %v, not to count", b.requests)
	}
	b.Update(counted{action: actionNamed("requeue"), of: b.scope(), query: inspect.Query{State: inspect.StateDead},
		count: inspect.Count{Matched: 7}})
	b.shows(t, "7 dead jobs of orders that match kind:k: type requeue")
	b.typed("requeue").press("enter")
	if len(b.requests) != 2 || b.requests[1].name != "requeue all" {
		t.Fatalf("ordered %v, not to requeue all", b.requests)
	}
	b.Update(progressReport("3 of 7 looked at"))
	b.shows(t, "requeue all: 3 of 7")
	b.press("r").shows(t, "busy: requeue all")
	b.Update(outcome{text: "7 requeued"})
	b.shows(t, "7 requeued")
}

func TestTopRefusesAFilterThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := onPane(panePending).press("/").typed("colour:red").press("enter")
	b.shows(t, "colour")
	if b.prompt == nil || b.filters[panePending] != "" {
		t.Error("a filter that cannot be read was taken")
	}
	b.press("esc", "1", "/").typed("ord").press("enter")
	if text := b.text(); strings.Contains(text, "events") || !strings.Contains(text, "orders") {
		t.Errorf("the filter of names:\n%s", text)
	}
	b.press("esc").shows(t, "events")
}

func TestTopSaysThatRedisIsAway(t *testing.T) {
	t.Parallel()
	b := newBench().sees()
	b.Update(snapshot{err: errors.New("the registry is damaged")})
	b.shows(t, "This cannot be shown; this is how it was at", "the registry is damaged")
	b.Update(snapshot{err: fmt.Errorf("queue: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")})})
	b.shows(t, "Redis does not answer; this is how it was at", "orders")
	b.sees()
	if strings.Contains(b.text(), "does not answer") {
		t.Error("the banner stays although Redis is back")
	}
}

func TestTopTellsWhatFailed(t *testing.T) {
	t.Parallel()
	b := newBench().sees().press("p")
	b.Update(outcome{text: "paused", err: errors.New("no permission")})
	b.shows(t, "no permission")
	if b.busy != "" {
		t.Error("it stays busy after a failure")
	}
}

func TestTopTellsWhatIsNotInTheTrail(t *testing.T) {
	t.Parallel()
	unnoted := errors.New("not in the audit trail: no permission")
	if got := (outcome{text: "paused"}).noted(nil); got.text != "paused" || got.err != nil {
		t.Errorf("all is well, and it tells %+v", got)
	}
	if got := (outcome{text: "paused"}).noted(unnoted); got.text != "paused; not in the audit trail: no permission" ||
		got.err != nil {
		t.Errorf("it tells %+v", got)
	}
	failed := errors.New("cut short")
	if got := (outcome{err: failed}).noted(unnoted); !errors.Is(got.err, failed) || !errors.Is(got.err, unnoted) {
		t.Errorf("of an action that failed, it tells %+v", got)
	}
}

func TestTopFitsAnyTerminal(t *testing.T) {
	t.Parallel()
	long := inspect.JobInfo{ID: strings.Repeat("x", 40), Kind: "日本語.charge", Worker: "w",
		Error:     strings.Repeat("e", 300),
		Heartbeat: inspect.HeartbeatGone}
	for _, size := range [][2]int{{1, 1}, {10, 3}, {20, 6}, {40, 10}, {80, 24}, {300, 80}} {
		for p := range panes {
			b := onPane(p, long)
			for _, key := range []string{"", "?", "?", "enter", "esc", "/"} {
				if key != "" {
					b.press(key)
				}
				b.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				lines := strings.Split(b.View().Content, "\n")
				if len(lines) > size[1] {
					t.Errorf("pane %d: %d lines on a terminal of %d", p, len(lines), size[1])
				}
				for _, line := range lines {
					if width := ansi.StringWidth(line); width > size[0] {
						t.Errorf("pane %d: a line of %d on a terminal of %d: %q", p, width, size[0], line)
					}
				}
			}
		}
	}
}

func TestTopLeavesOutColumnsInANarrowTerminal(t *testing.T) {
	t.Parallel()
	b := newBench().sees()
	b.Update(tea.WindowSizeMsg{Width: 50, Height: 10})
	b.shows(t, "QUEUE", "WAITING", "IN FLIGHT", "DEAD")
	if strings.Contains(b.text(), "OLDEST") {
		t.Errorf("50 columns:\n%s", b.text())
	}
	b.Update(tea.WindowSizeMsg{Width: 110, Height: 10})
	now := time.Now()
	for second, done := range []int64{0, 10, 20} {
		b.Update(snapshot{of: b.scope(), at: now.Add(time.Duration(second+1) * time.Second), queues: []inspect.QueueInfo{
			{Name: "orders", Paused: &inspect.Attribution{At: now, By: strings.Repeat("x", 100)},
				Totals: inspect.Totals{Done: done}},
		}})
	}
	b.shows(t, "██", "DELAYED", "OLDEST", "DONE/S", "STATE")
}

func TestTopControlCharactersDoNotReachTheTerminal(t *testing.T) {
	t.Parallel()
	b := onPane(paneDead, inspect.JobInfo{ID: "a", Error: "\x1b]0;owned\x07\x1b[2J \u202eback"})
	if strings.Contains(b.View().Content, "\u202e") || strings.Contains(b.View().Content, "\x1b]0") ||
		strings.Contains(b.View().Content, "\x1b[2J") {
		t.Errorf("an error steers the terminal: %q", b.View().Content)
	}
}

func TestEveryKeyOfTopIsInItsHelpAndFreeOfConflict(t *testing.T) {
	t.Parallel()
	for p := range panes {
		taken := map[string]bool{}
		for _, binding := range bindings {
			for _, key := range binding.keys {
				here := binding.panes == nil
				for _, at := range binding.panes {
					here = here || at == p
				}
				if here && taken[key] {
					t.Errorf("%s stands for two things on %s", key, titles[p])
				}
				taken[key] = taken[key] || here
			}
			if binding.help == "" {
				t.Errorf("%v has no help", binding.keys)
			}
		}
	}
	b := newBench()
	b.Update(tea.WindowSizeMsg{Width: 120, Height: 60})
	b.press("?").shows(t, "pause or resume the queue", "requeue all that match", "quit")
}

func TestEveryActionOfTopIsOneOfTheCommands(t *testing.T) {
	t.Parallel()
	for p, keys := range map[pane]string{panePending: "cbod", paneDead: "rd"} {
		for _, key := range strings.Split(keys, "") {
			b := onPane(p, inspect.JobInfo{ID: "a"}).press(key)
			if b.prompt == nil && len(b.requests) == 0 {
				t.Errorf("%s does nothing on %s", key, titles[p])
			}
		}
	}
	for _, name := range []string{"cancel", "bury", "release", "requeue", "delete"} {
		if !slices.Contains(inspect.Actions(), actionNamed(name).does) {
			t.Errorf("there is no command %s", name)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	var r rate
	start := time.Unix(0, 0)
	for second, done := range []int64{100, 110, 110, 130} {
		r.add(start.Add(time.Duration(second)*time.Second), done)
	}
	if got := r.now(); got != 10 {
		t.Errorf("30 done in 3 s are %v per second", got)
	}
	if got := r.sparkline(10); got != "▅▁█" {
		t.Errorf("the sparkline is %s", got)
	}
	r.add(start.Add(3*time.Second+time.Millisecond), 131) // a key was pressed
	if len(r.kept) != 3 {
		t.Error("a reading right after another one counts as a second")
	}
	r.add(start.Add(4*time.Second), 5) // another Redis
	if r.now() != 0 || r.sparkline(10) != "" {
		t.Error("what another Redis has done counts")
	}
}

func TestTheExecutorAcceptsOneRequestAtATime(t *testing.T) {
	t.Parallel()
	executor := newExecutor(operator{})
	nothing := request{"nothing", func(context.Context, operator, func(string)) tea.Msg { return outcome{} }}
	if !executor.accept(nothing) || executor.accept(nothing) {
		t.Error("two orders were taken at once")
	}
}

package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
)

// lineAnswer is a line of a stream's answer: of a job, or the last one.
type lineAnswer struct {
	Line    int64
	ID      string
	Problem *struct {
		Type   string
		Status int
	}
	Duplicate                           bool
	Lines, Enqueued, Duplicates, Failed int64
	Stopped                             *struct{ Type string }
}

var ndjson = map[string]string{"Content-Type": "application/x-ndjson"}

// stream sends lines, with the key of the program that may do everything unless there is another.
func (a *app) stream(body string, key ...string) (lines []lineAnswer, last lineAnswer) {
	a.Helper()
	asked := ask{method: "POST", path: orderJobs, body: body, header: ndjson}
	for _, other := range key {
		asked = asked.with("X-API-Key", other)
	}
	got := a.gets(200, asked)
	for text := range strings.Lines(string(got.body)) {
		var one lineAnswer
		a.must(json.Unmarshal([]byte(text), &one))
		lines = append(lines, one)
	}
	return lines[:len(lines)-1], lines[len(lines)-1]
}

func TestStreamIsAnsweredLineByLine(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.MaxBody = 200 })
	lines, last := a.stream(strings.Join([]string{
		`{"kind":"debug.echo","data":1,"id":"a"}`,
		`not json`,
		``,
		`{"kind":"debug.echo","data":"` + strings.Repeat("x", 100_000) + `"}`,
		`{"kind":"debug.echo","data":1,"id":"a"}`,
		`{"kind":"nope","data":1}`,
		`{"kind":"debug.echo","data":1}`, // and no newline
	}, "\n"))
	want := []string{"1 a 0", "2  400", "4  413", "5 a 0", "6  422", "7 + 0"}
	for i, one := range lines {
		status, id := 0, one.ID
		if one.Problem != nil {
			status = one.Problem.Status
		}
		if len(id) > 1 {
			id = "+"
		}
		if got := fmt.Sprintf("%d %s %d", one.Line, id, status); i >= len(want) || got != want[i] {
			t.Errorf("line %d: %s, want %v", i, got, want)
		}
	}
	if last.Lines != 6 || last.Enqueued != 2 || last.Duplicates != 1 || last.Failed != 3 || last.Stopped != nil {
		t.Errorf("got %+v", last)
	}
	if _, last := a.stream("\n"); last.Lines != 0 {
		t.Errorf("got %+v", last)
	}
	a.fails(400, "bad-request", ask{method: "POST", path: orderJobs, body: "{}", header: map[string]string{
		"Content-Type": "application/x-ndjson", "Idempotency-Key": "k"}})
}

// A stream longer than any body may be passes, and each of its jobs is there.
func TestLongStream(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Retain = 0 })
	const n = 20_000
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, `{"kind":"debug.echo","data":{"n":%d,"pad":%q}}`+"\n", i, strings.Repeat("p", 60))
	}
	if body.Len() < 1<<20 {
		t.Fatal("not a long one")
	}
	begun := time.Now()
	lines, last := a.stream(body.String())
	t.Logf("%d jobs in %s", n, time.Since(begun).Round(time.Millisecond))
	if len(lines) != n || last.Enqueued != n || last.Failed != 0 {
		t.Errorf("%d lines, %+v", len(lines), last)
	}
	if there, err := a.rdb.XLen(t.Context(), "navvy:{orders}").Result(); err != nil || there != n {
		t.Errorf("%d jobs, %v", there, err)
	}
}

// Lines are answered as they come, while the stream is open; a stop ends it after the lines that were read.
func TestStreamIsAnsweredAsItComesAndStops(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+orderJobs, reader)
	a.must(err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Authorization", "Bearer "+a.key)
	send := func(id string) {
		t.Helper()
		if _, err := fmt.Fprintf(writer, `{"kind":"debug.echo","data":1,"id":%q}`+"\n", id); err != nil {
			t.Error(err)
		}
	}
	go send("a")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	a.must(err)
	defer response.Body.Close()
	answers := bufio.NewScanner(response.Body)
	next := func() (one lineAnswer) {
		t.Helper()
		if !answers.Scan() {
			t.Fatal(answers.Err())
		}
		a.must(json.Unmarshal(answers.Bytes(), &one))
		return one
	}
	if one := next(); one.ID != "a" {
		t.Errorf("got %+v", one)
	}
	a.must(a.handler.StopStreams())
	send("b")
	if one := next(); one.ID != "b" {
		t.Errorf("got %+v", one)
	}
	if last := next(); last.Stopped == nil || !strings.HasSuffix(last.Stopped.Type, "#stopping") || last.Enqueued != 2 {
		t.Errorf("got %+v", last)
	}
	_ = writer.Close()
}

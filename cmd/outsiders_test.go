package cmd_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/testserver"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// server is a program that serves HTTP.
type server struct {
	url string
	cmd *exec.Cmd
	log *testserver.Output
}

// serves starts a program that serves, on a free port, until the test ends.
func serves(t *testing.T, redis *redistest.Server, path string, args ...string) *server {
	t.Helper()
	port, err := testserver.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + strconv.Itoa(port)
	s := &server{url: "http://" + addr, log: &testserver.Output{}}
	s.cmd = exec.Command(path, append([]string{"serve", "--addr", addr}, args...)...)
	s.cmd.Env = append(os.Environ(), "REDIS_URL="+redis.URL())
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	eventually(t, path+" serves", func() bool {
		response, err := http.Get(s.url + "/healthz")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	return s
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("not so: %s", what)
		}
	}
}

// ask sends a request, with headers in pairs, of a form if that is not nil.
func (s *server) ask(t *testing.T, method, path string, form url.Values, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// jobsOn puts a job with each of these data on a queue.
func jobsOn(t *testing.T, server *redistest.Server, name string, data ...string) *inspect.Inspector {
	t.Helper()
	rdb := server.Client(t)
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for k, text := range data {
		job := queue.JSON("debug.echo", []byte(text))
		if _, err := client.Enqueue(t.Context(), job, queue.On(name), queue.ID(fmt.Sprint("job-", k))); err != nil {
			t.Fatal(err)
		}
	}
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return inspector
}

// A page whose name its owner has pointed at this machine (DNS rebinding) is of the same origin as its own requests to
// that name. Programs that let everybody in serve it nothing.
func TestAnotherNameForTheLoopbackSteersNothing(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t)
	inspector := jobsOn(t, redis, "orders", `{}`)
	monitor := serves(t, redis, bin+"/monitor", "--auth", "none")
	gateway := serves(t, redis, bin+"/producer", "--auth", "none")
	paused := func() bool {
		info, err := inspector.Queue(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		return info.Paused != nil
	}
	pause := func(s *server, host string) int {
		status, _ := s.ask(t, http.MethodPost, "/queues/pause", url.Values{"queue": {"orders"}},
			"Host", host, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin")
		return status
	}
	for _, host := range []string{"evil.example", strings.Replace(monitor.url[7:], "127.0.0.1", "evil.example", 1)} {
		if status, page := monitor.ask(t, http.MethodGet, "/queues", nil, "Host", host, "Accept", "text/html"); status !=
			http.StatusMisdirectedRequest || strings.Contains(page, "csrf") {
			t.Errorf("host %s is shown the queues: %d", host, status)
		}
		if status := pause(monitor, host); status != http.StatusMisdirectedRequest || paused() {
			t.Errorf("host %s pauses a queue: %d", host, status)
		}
		for _, path := range []string{"/v1/queues/orders/jobs/job-0", "/openapi.json"} {
			if status, _ := gateway.ask(t, http.MethodGet, path, nil, "Host", host); status != http.StatusMisdirectedRequest {
				t.Errorf("host %s gets %s of the gateway: %d", host, path, status)
			}
		}
	}
	if status := pause(monitor, monitor.url[7:]); status >= http.StatusBadRequest || !paused() {
		t.Errorf("its own page cannot pause a queue: %d", status)
	}
}

// What a flood of queues leaves behind, each with a job: the monitor goes on to report that Redis is there, and shows
// the queues.
func TestThirtyNineThousandQueuesLeaveTheMonitorUp(t *testing.T) {
	t.Parallel()
	const flood = 39_000
	redis := redistest.New(t)
	rdb := redis.Client(t)
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	items := make([]queue.Item, 0, 1000)
	for n := range flood {
		items = append(items, queue.Item{
			Args: queue.JSON("debug.echo", []byte(`1`)), Options: []queue.EnqueueOption{queue.On(fmt.Sprint("junk-", n))},
		})
		if len(items) == cap(items) {
			if _, err := client.EnqueueMany(t.Context(), items); err != nil {
				t.Fatal(err)
			}
			items = items[:0]
		}
	}
	client.Close()
	jobsOn(t, redis, "orders", `{}`)
	monitor := serves(t, redis, bin+"/monitor", "--auth", "none")
	for range 3 {
		status, text := monitor.ask(t, http.MethodGet, "/metrics", nil)
		if status != http.StatusOK || !strings.Contains(text, "\nnavvy_up 1\n") ||
			!strings.Contains(text, fmt.Sprintf("\nnavvy_queues %d\n", flood+1)) {
			t.Fatalf("metrics: %d, %.300s", status, text)
		}
	}
	if status, text := monitor.ask(t, http.MethodGet, "/api/v1/overview", nil); status != http.StatusOK ||
		!strings.Contains(text, fmt.Sprintf(`"queues_in_all":%d`, flood+1)) {
		t.Errorf("overview: %d, %.300s", status, text)
	}
	if status, _ := monitor.ask(t, http.MethodGet, "/waiting?queue=orders", nil, "Accept", "text/html"); status !=
		http.StatusOK {
		t.Errorf("a queue that is not among the first: %d", status)
	}
}

var secretForm = regexp.MustCompile(`navvy_\S+`)

// made runs a command that makes a line of credentials, and returns it, and the secret that it prints beside.
func made(t *testing.T, program string, args ...string) (line, secret string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(bin, program), args...)
	var notes strings.Builder
	command.Stderr = &notes
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, notes.String())
	}
	return string(out), secretForm.FindString(notes.String())
}

// A token that is taken out of the file lets nobody in, whatever else is wrong with the file, and the log says what is.
func TestRevocationOutlastsMistakesInTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "credentials")
	write := func(mode os.FileMode, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	revoked, token := made(t, "monitor", "token", "obot", "--role", "operator")
	kept, other := made(t, "monitor", "token", "vbot", "--role", "viewer")
	for name, change := range map[string]struct {
		do   func()
		says string
		stay bool // of the other token
	}{
		"a bad line": {func() { write(0o600, kept+"password typo\n") }, "line", true},
		"no file": {func() {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "no such file", false},
		"a file that others read": {func() { write(0o644, kept) }, "chmod 600", false},
	} {
		write(0o600, revoked+kept)
		monitor := serves(t, redistest.New(t), bin+"/monitor", "--credentials", file)
		status := func(token string) int {
			status, _ := monitor.ask(t, http.MethodGet, "/api/v1/queues", nil, "Authorization", "Bearer "+token)
			return status
		}
		if status(token) != http.StatusOK || status(other) != http.StatusOK {
			t.Fatalf("%s: the tokens are not let in", name)
		}
		change.do()
		eventually(t, name+": the token is refused", func() bool { return status(token) == http.StatusUnauthorized })
		eventually(t, name+": the log says so", func() bool {
			return monitor.log.Has(`"level":"error"`) && monitor.log.Has(change.says)
		})
		if got := status(other); (got == http.StatusOK) != change.stay {
			t.Errorf("%s: the other token gets %d", name, got)
		}
	}
	write(0o602, kept)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, bin+"/monitor", "serve", "--addr", "127.0.0.1:0", "--credentials", file)
	command.Env = append(os.Environ(), "REDIS_URL="+redistest.New(t).URL())
	out, err := command.CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(out), "chmod 600") {
		t.Errorf("a file that everybody can write is taken: %v\n%s", err, out)
	}
}

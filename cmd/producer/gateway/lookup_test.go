package gateway_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/queue"
)

// commands is how often Redis has been sent a command.
func (a *app) commands(name string) string {
	a.Helper()
	text, err := a.rdb.Info(a.Context(), "commandstats").Result()
	a.must(err)
	_, after, found := strings.Cut(text, "cmdstat_"+name+":calls=")
	if !found {
		return "0"
	}
	calls, _, _ := strings.Cut(after, ",")
	return calls
}

// largeJobs puts jobs on a queue that a look-up must read to find that another is not there.
func (a *app) largeJobs(n int) {
	a.Helper()
	client, err := queue.NewClient(a.rdb, queue.ClientConfig{})
	a.must(err)
	defer client.Close()
	for range n {
		data := queue.JSON("debug.echo", []byte(`"`+strings.Repeat("x", 900_000)+`"`))
		_, err := client.Enqueue(a.Context(), data, queue.On("large"))
		a.must(err)
	}
}

// A caller that looks for jobs that are not there has Redis read much: that counts for its rate, and for nobody else's.
func TestLookUpsCountForWhatTheyRead(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{"greedy": "jobs:read", "other": "jobs:read,jobs:write"})
	a := newApp(t, func(c *gateway.Config) { c.Auth, c.Rate, c.Burst = auth, 1, 200 })
	a.largeJobs(8)
	look := func(caller, id string) answer {
		return a.do(ask{method: "GET", path: "/v1/queues/large/jobs/" + id}.with("X-API-Key", keys[caller]))
	}
	found := 0
	for ; found < 200; found++ {
		got := look("greedy", "none")
		if got.status == http.StatusTooManyRequests {
			if got.header.Get("Retry-After") == "" || !strings.Contains(string(got.body), "Look-ups before this one") {
				t.Errorf("got %v %s", got.header, got.body)
			}
			break
		}
		if got.status != http.StatusNotFound {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	if found == 0 || found > 5 { // each reads 4 MiB or so, which is 64 requests
		t.Errorf("%d look-ups were carried out", found)
	}
	before := a.commands("xrange")
	if look("greedy", "none").status != http.StatusTooManyRequests || a.commands("xrange") != before {
		t.Error("a refused look-up reads jobs")
	}
	if got := look("other", "none"); got.status != http.StatusNotFound {
		t.Errorf("another caller got %d %s", got.status, got.body)
	}
	a.gets(202, ask{method: "POST", path: orderJobs, body: `{"kind":"debug.echo","data":1,"id":"own"}`}.
		with("X-API-Key", keys["other"]))
	for range 100 { // of an id of the caller's choice
		a.gets(200, ask{method: "GET", path: orderJobs + "/own"}.with("X-API-Key", keys["other"]))
	}
}

// Many look-ups of one caller at once wait for one another, and all are answered.
func TestLookUpsOfOneCallerWaitForOneAnother(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.largeJobs(4)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if got := a.do(ask{method: "GET", path: "/v1/queues/large/jobs/none"}); got.status != http.StatusNotFound {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	all.Wait()
}

// Requests of callers that nobody knows, whose bodies do not come, leave room for those with a key.
func TestStrangersLeaveRoomForCallers(t *testing.T) {
	t.Parallel()
	const room, strangers = 16, 40
	a := newApp(t, func(c *gateway.Config) {
		c.MaxInFlight = room
		c.ClientIP = func(r *http.Request) string { return r.Header.Get("X-Address") }
	})
	var refused atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	for k := range strangers {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.url, "http://"))
		a.must(err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: localhost\r\nX-Address: %d\r\n"+
			"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n", k)
		a.must(err)
		all.Go(func() {
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return
			}
			_ = response.Body.Close()
			if response.StatusCode == http.StatusServiceUnavailable {
				refused.Add(1)
			}
		})
	}
	a.eventually("the rest are refused", func() bool { return refused.Load() == strangers-room/2 })
	a.gets(202, ask{method: "POST", path: "/v1/orders", body: `{"order_id":"o-1","cents":1}`})
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// honest asks for the same thing many times a second.
type honest struct {
	name    string
	ask     func(ctx context.Context) (*http.Request, error)
	want    int
	usual   time.Duration // the median on the machine that the bound was set on, when nobody attacks
	mu      sync.Mutex
	took    map[phase][]time.Duration
	refused int
	last    string // why the last one was refused
}

// phase is a part of the run.
type phase int

const (
	settling phase = iota // after an attack: what it has left behind is not measured
	alone
	attacked
)

// done notes a request that began in a phase and has ended in another, or the same.
func (h *honest) done(began, ended phase, took time.Duration, want bool, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !want {
		h.refused++
		h.last = why
	}
	switch {
	case began == attacked || ended == attacked:
		h.took[attacked] = append(h.took[attacked], took)
	case began == alone && ended == alone:
		h.took[alone] = append(h.took[alone], took)
	}
}

// honestEvery makes some 400 requests of each in a minute: among fewer, the slowest in a hundred is one pause of the
// machine. Three of them have one credential at the monitor, which paces one that asks more than 40 times a second.
const honestEvery = 100 * time.Millisecond

func (h *honest) run(ctx context.Context, now func() phase) {
	client := &http.Client{Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		began, at := time.Now(), now()
		status, err := fetch(ctx, client, h.ask)
		if ctx.Err() != nil {
			return
		}
		h.done(at, now(), time.Since(began), err == nil && status == h.want, fmt.Sprint(status, " ", err))
		pause(ctx, honestEvery)
	}
}

func fetch(
	ctx context.Context, client *http.Client, ask func(context.Context) (*http.Request, error),
) (status int, err error) {
	request, err := ask(ctx)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func (s *stage) fromMonitor(name, accept, path string) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.monitor.url+path, nil)
		if err == nil {
			request.Header.Set("Authorization", "Bearer "+s.secrets[name])
			request.Header.Set("Accept", accept)
		}
		return request, err
	}
}

func (s *stage) toGateway(name, path, kind string, body func() []byte) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.gateway.url+path, bytes.NewReader(body()))
		if err == nil {
			request.Header.Set("X-API-Key", s.secrets[name])
			request.Header.Set("Content-Type", kind)
		}
		return request, err
	}
}

const (
	plainJSON = "application/json"
	html      = "text/html"
	lines     = "application/x-ndjson"
)

func (s *stage) honestCallers() []*honest {
	small := func() []byte { return []byte(`{"kind":"debug.echo","data":{"order_id":"o-1"}}`) }
	all := []*honest{
		{name: "enqueue", want: 202, usual: 1100 * time.Microsecond, ask: s.toGateway("shop", "/v1/queues/orders/jobs",
			plainJSON, small)},
		{name: "overview", want: 200, usual: 3 * time.Millisecond, ask: s.fromMonitor("vera", html, "/")},
		{name: "list", want: 200, usual: 2 * time.Millisecond, ask: s.fromMonitor("vera", html, "/waiting?queue=orders")},
		{name: "job", want: 200, usual: 500 * time.Microsecond, ask: s.fromMonitor("vera", plainJSON,
			"/api/v1/queues/orders/jobs/honest")},
	}
	for _, h := range all {
		h.took = map[phase][]time.Duration{}
	}
	return all
}

// counts is what the callers of an attack were answered.
type counts struct {
	done, refused, failed atomic.Int64
	mu                    sync.Mutex
	took                  []time.Duration
}

func (c *counts) note(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
}

// elsewhere is where attackers come from: another address than that of honest callers.
var elsewhere = &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

// assault is a way to attack, by so many callers at once.
type assault struct {
	name    string
	callers int
	run     func(ctx context.Context)
}

// again asks over and over; each request differs from the one before.
func (s *stage) again(
	name string, callers int, ask func(n int64) func(context.Context) (*http.Request, error),
) assault {
	c := &counts{}
	s.attacked[name] = c
	var next atomic.Int64
	return assault{name, callers, func(ctx context.Context) {
		client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: elsewhere.DialContext}}
		defer client.CloseIdleConnections()
		for ctx.Err() == nil {
			began := time.Now()
			status, err := fetch(ctx, client, ask(next.Add(1)))
			c.note(time.Since(began))
			switch {
			case ctx.Err() != nil:
			case err != nil:
				c.failed.Add(1)
			case status >= http.StatusBadRequest:
				c.refused.Add(1)
				pause(ctx, 20*time.Millisecond)
			default:
				c.done.Add(1)
			}
		}
	}}
}

func (s *stage) attacks() []assault {
	view := func(accept, path string) func(int64) func(context.Context) (*http.Request, error) {
		return func(n int64) func(context.Context) (*http.Request, error) {
			at := path
			if strings.Contains(at, "%d") {
				at = fmt.Sprintf(path, n)
			}
			return s.fromMonitor("mallet", accept, at)
		}
	}
	send := func(
		name, path, kind string, body func(n int64) []byte,
	) func(int64) func(context.Context) (*http.Request, error) {
		return func(n int64) func(context.Context) (*http.Request, error) {
			at := path
			if strings.Contains(at, "%d") {
				at = fmt.Sprintf(path, n)
			}
			return s.toGateway(name, at, kind, func() []byte { return body(n) })
		}
	}
	job := func(int64) []byte { return []byte(`{"kind":"debug.echo","data":1}`) }
	large := []byte(`{"kind":"debug.echo","data":"` + strings.Repeat("y", 1_000_000) + `"}`)
	many := bytes.Repeat([]byte("{\"kind\":\"debug.echo\",\"data\":1}\n"), 2000)
	return []assault{
		s.again("deep job", 2, view(html, "/queues/deep/jobs/deep?x=%d")),
		s.again("large list", 2, view(plainJSON, "/api/v1/waiting?queue=big&x=%d")),
		s.again("large search", 2, view(html, "/waiting?queue=big&q=args.a:z%d")),
		s.again("long filter", 2, view(plainJSON, "/api/v1/waiting?queue=big&q="+strings.Repeat("args.a:b+", 5000))),
		s.again("fleet", 1, view(html, "/queues?first=%d00")),
		s.again("metrics", 1, view(plainJSON, "/metrics")),
		s.again("new queues", 2, send("mallory", "/v1/queues/made-%d/jobs", plainJSON, job)),
		s.again("large jobs", 4, send("morgan", "/v1/queues/big2/jobs", plainJSON, func(int64) []byte { return large })),
		s.again("many jobs", 1, send("moriarty", "/v1/queues/big2/jobs", lines, func(int64) []byte { return many })),
		s.again("look up", 1, func(n int64) func(context.Context) (*http.Request, error) {
			return func(ctx context.Context) (*http.Request, error) {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet,
					fmt.Sprintf("%s/v1/queues/big/jobs/none-%d", s.gateway.url, n), nil)
				if err == nil {
					request.Header.Set("X-API-Key", s.secrets["mallory"])
				}
				return request, err
			}
		}),
		s.silent("idle connections", 1500, 5*time.Second, s.gateway.url, ""),
		s.silent("slow headers", 1500, 5*time.Second, s.monitor.url,
			"GET / HTTP/1.1\r\nX-Long: "+strings.Repeat("x", 16<<10)),
		s.silent("slow bodies", 200, time.Second, s.gateway.url, "POST /login HTTP/1.1\r\nHost: localhost\r\n"+
			"Content-Type: "+plainJSON+"\r\nContent-Length: 99\r\n\r\n"),
		s.silent("silent streams", 300, 200*time.Millisecond, s.gateway.url,
			"POST /v1/queues/q/jobs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "+s.secrets["mallory"]+
				"\r\nContent-Type: "+lines+"\r\nTransfer-Encoding: chunked\r\n\r\n"),
		s.silent("live streams", 100, 200*time.Millisecond, s.monitor.url,
			"GET /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+s.secrets["mallet"]+"\r\n\r\n"),
	}
}

// silent opens connections that send nothing more, and opens them again some time after they have ended.
func (s *stage) silent(name string, callers int, again time.Duration, url, head string) assault {
	c := &counts{}
	s.attacked[name] = c
	return assault{name, callers, func(ctx context.Context) {
		pause(ctx, rand.N(again)) // not all in the same moment
		for ; ctx.Err() == nil; pause(ctx, again) {
			conn, err := elsewhere.DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				c.failed.Add(1)
				continue
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			_, _ = io.WriteString(conn, head)
			answer := make([]byte, 32)
			if n, _ := conn.Read(answer); strings.Contains(string(answer[:n]), " 200 ") {
				c.done.Add(1)
			} else {
				c.refused.Add(1)
			}
			_, _ = io.Copy(io.Discard, conn)
			stop()
			_ = conn.Close()
		}
	}}
}

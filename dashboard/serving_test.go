package dashboard_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// board serves a dashboard on a real port.
func board(t *testing.T, cfg dashboard.Config) *httptest.Server {
	t.Helper()
	if cfg.Redis == nil {
		cfg.Redis = redistest.Shared(t).Client(t)
	}
	if cfg.Namespace == "" {
		cfg.Namespace = redistest.Namespace()
	}
	d, err := dashboard.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(func() {
		_ = d.Close()
		server.Close()
	})
	return server
}

// browser keeps cookies and follows no redirects.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Jar: jar, Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came back.
type answer struct {
	*http.Response
	body string
}

func do(t *testing.T, client *http.Client, method, address string, form url.Values, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "text/html")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(body)}
}

// eventually polls until check holds, for ten seconds.
func eventually(t *testing.T, check func() bool) bool {
	t.Helper()
	deadline, tick := time.NewTimer(10*time.Second), time.NewTicker(50*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}

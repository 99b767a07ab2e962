package dashboard_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/monitor/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// TestLiveOutlastsTheServersTimeouts holds a stream open for longer than the server gives a request.
func TestLiveOutlastsTheServersTimeouts(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	d, err := dashboard.New(dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	server := httptest.NewUnstartedServer(d)
	server.Config.ReadHeaderTimeout = 200 * time.Millisecond
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	ticks := 0
	for lines := bufio.NewScanner(response.Body); ticks < 3; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d ticks: %v", ticks, lines.Err())
		}
		if strings.HasPrefix(lines.Text(), `data: {"waiting":1,`) {
			ticks++
		}
	}
}

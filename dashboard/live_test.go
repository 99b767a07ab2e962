package dashboard_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
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
	t.Cleanup(func() { _ = d.Close() })
	server := httptest.NewUnstartedServer(d)
	server.Config.ReadHeaderTimeout = 200 * time.Millisecond
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	ticks := 0
	for lines := bufio.NewScanner(openLive(t, server, "")); ticks < 3; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d ticks: %v", ticks, lines.Err())
		}
		if strings.HasPrefix(lines.Text(), `data: {"waiting":1,`) {
			ticks++
		}
	}
}

func openLive(t *testing.T, server *httptest.Server, authorization string) io.Reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := browser(t).Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response.Body
}

// Who is taken out of the credentials sees no more, not even in a stream that is open.
func TestLiveEndsWithTheCredentials(t *testing.T) {
	t.Parallel()
	read, file, tokens := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	stream := openLive(t, server, "Bearer "+tokens["vera"])
	if err := os.WriteFile(file, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		t.Errorf("the stream goes on: %v", err)
	}
}

package dashboard_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
)

// lockedBuffer is a log that many goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

// lines returns the lines of a message.
func (b *lockedBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []map[string]any
	decoder := json.NewDecoder(bytes.NewReader(b.text.Bytes()))
	for {
		var line map[string]any
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return found
		}
		must(t, err)
		if line["msg"] == message {
			found = append(found, line)
		}
	}
}

// What people do and what fails is in the log.
func TestTheLogHasActionsAndFailures(t *testing.T) {
	t.Parallel()
	var c counter
	var log lockedBuffer
	server := board(t, dashboard.Config{
		Auth: dashboard.Open{}, Pages: []dashboard.Page{c.page()}, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	if status, answer := act(t, server, "/counter/add"); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	done := log.lines(t, "done by a person")
	if len(done) != 1 || done[0]["who"] != "anyone" || done[0]["what"] != "counter.add" ||
		done[0]["target"] != "the counter" || done[0]["detail"] != "by one" || done[0]["level"] != "INFO" {
		t.Errorf("the action: %v", done)
	}
	do(t, browser(t), http.MethodGet, server.URL+"/counter?of=broken", nil)
	failed := log.lines(t, "cannot read what the page shows")
	if len(failed) != 1 || failed[0]["page"] != "counter" || failed[0]["error"] != "redis: connection refused" ||
		failed[0]["level"] != "WARN" {
		t.Errorf("the failure: %v", failed)
	}
}

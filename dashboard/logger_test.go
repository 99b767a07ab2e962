package dashboard_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/testserver"
)

// linesOf returns the lines of a log that have a message.
func linesOf(t *testing.T, log *testserver.Output, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	decoder := json.NewDecoder(strings.NewReader(log.String()))
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
	var log testserver.Output
	server := board(t, dashboard.Config{
		Auth: dashboard.Open{}, Pages: []dashboard.Page{c.page()}, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	if status, answer := act(t, server, "/counter/add"); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	done := linesOf(t, &log, "done by a person")
	if len(done) != 1 || done[0]["who"] != "anyone" || done[0]["what"] != "counter.add" ||
		done[0]["target"] != "the counter" || done[0]["detail"] != "by one" || done[0]["level"] != "INFO" {
		t.Errorf("the action: %v", done)
	}
	do(t, browser(t), http.MethodGet, server.URL+"/counter?of=broken", nil)
	failed := linesOf(t, &log, "cannot read what the page shows")
	if len(failed) != 1 || failed[0]["page"] != "counter" || failed[0]["error"] != "redis: connection refused" ||
		failed[0]["level"] != "WARN" {
		t.Errorf("the failure: %v", failed)
	}
}

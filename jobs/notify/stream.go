package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// stream writes server-sent events to one browser. A write that takes too long fails.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	last    redisx.StreamID // the last entry of the log that the browser has
}

func newStream(w http.ResponseWriter, timeout time.Duration) *stream {
	return &stream{w: w, control: http.NewResponseController(w), timeout: timeout}
}

// begin sends the headers, and the ID with which the browser comes back if it is cut off before the first event.
func (s *stream) begin(retry time.Duration, after redisx.StreamID) error {
	s.last = after
	// A server's ReadTimeout would end the stream: to net/http, a connection whose read fails is one that is gone.
	_ = s.control.SetReadDeadline(time.Time{})
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	s.w.WriteHeader(http.StatusOK)
	return errors.Join(s.write("retry: %d\nid: %s\n\n", retry.Milliseconds(), after), s.flush())
}

// notification writes an entry of the log, unless the browser has it already.
func (s *stream) notification(at redisx.StreamID, payload string) error {
	if at.Compare(s.last) <= 0 {
		return nil
	}
	s.last = at
	return s.write("id: %s\n%s\n", at, data(payload))
}

// message writes what is in no log.
func (s *stream) message(payload string) error { return s.write("%s\n", data(payload)) }

// gap says that something may be missing, and where the browser is from here on.
func (s *stream) gap(gap Gap, complete bool) error {
	news := struct {
		From     time.Time `json:"from,omitzero"`
		To       time.Time `json:"to,omitzero"`
		Dropped  int       `json:"dropped,omitempty"`
		Complete bool      `json:"complete"`
	}{gap.From, gap.To, gap.Dropped, complete}
	payload, err := json.Marshal(news)
	if err != nil {
		return err
	}
	return errors.Join(s.write("event: gap\nid: %s\n%s\n", s.last, data(string(payload))), s.flush())
}

func (s *stream) comment() error { return errors.Join(s.write(":\n\n"), s.flush()) }

func (s *stream) write(format string, args ...any) error {
	// A writer without deadlines, as in tests, has none to miss.
	_ = s.control.SetWriteDeadline(time.Now().Add(s.timeout))
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

func (s *stream) flush() error { return s.control.Flush() }

// data is a payload as an event's data: a line of its own for each of its lines.
func data(payload string) string {
	var lines strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(payload, "\r", "\n")) {
		lines.WriteString("data: " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return lines.String()
}

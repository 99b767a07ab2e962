package notify

import (
	"net/http"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// A browser that comes back is taken at its word only where a log can have had that place, and the place is sent back
// as it came.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "0-0", "1-2", "1700000000000-18446744073709551615", "9999999999999999999-1",
		"-1", "+", "$", "1-", "01-1", " 1-1", "1-1\r\nid: 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		at, known := lastEventID(&http.Request{Header: http.Header{"Last-Event-Id": {header}}})
		if !known {
			if at != (redisx.StreamID{}) {
				t.Errorf("%q is no place, and read as %s", header, at)
			}
			return
		}
		if again, ok := redisx.ParseStreamID(at.String()); !ok || again != at {
			t.Errorf("%q is read as %s, which is read as %s", header, at, again)
		}
		if at.Time().After(time.Now().Add(maxAhead)) {
			t.Errorf("%q is a place of %s", header, at.Time())
		}
	})
}

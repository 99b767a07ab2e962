package analytics

import (
	"encoding/json"
	"testing"
)

// The handler refuses what Track refuses, and reads the rest alike, the metadata apart.
func FuzzHandlerReadsWhatTrackReads(f *testing.F) {
	for _, seed := range []string{
		`{"event":"purchase","user_id":"u-1","timestamp":"1732300000.1234567",` +
			`"metadata":"{\"item\": \"book\"}","counted":"1"}`,
		`{"event":"e","metadata":{"item":"book"},"timestamp":1}`, `{"event":"e","metadata":"[1]"}`,
		`{"event":"e","metadata":"{"}`,
		`{"event":"e","metadata":" null "}`, `{"event":"e","metadata":" "}`, `{"event":"e","metadata":7}`,
		`{"event":"e","metadata":"{} {}"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole Track
		var lean countedTrack
		err, lesser := json.Unmarshal(data, &whole), json.Unmarshal(data, &lean)
		if (err == nil) != (lesser == nil) {
			t.Fatalf("%q: Track says %v, the handler %v", data, err, lesser)
		}
		same := whole.Event == lean.Event && whole.UserID == lean.UserID && whole.At.Equal(lean.At) &&
			whole.Counted == lean.Counted
		if err == nil && !same {
			t.Errorf("%q: %+v and %+v", data, whole, lean)
		}
	})
}

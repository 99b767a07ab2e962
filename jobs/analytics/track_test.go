package analytics_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/analytics"
)

func TestTrackReadsWhatProgramsWrite(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 11, 22, 18, 26, 40, 123e6, time.UTC)
	book := map[string]any{"item": "book"}
	for name, test := range map[string]struct {
		data string
		want analytics.Track
	}{
		"a raw stream's strings": {
			`{"event":"purchase","user_id":"u-1","timestamp":"1732300000.1234567","metadata":"{\"item\": \"book\"}"}`,
			analytics.Track{Event: "purchase", UserID: "u-1", At: at, Metadata: book},
		},
		"JSON values": {
			`{"event":"purchase","user_id":"u-1","timestamp":1732300000.123,"metadata":{"item":"book"}}`,
			analytics.Track{Event: "purchase", UserID: "u-1", At: at, Metadata: book},
		},
		"RFC 3339": {
			`{"event":"purchase","timestamp":"2024-11-22T18:26:40.123Z"}`,
			analytics.Track{Event: "purchase", At: at},
		},
		"nothing but the event": {`{"event":"purchase"}`, analytics.Track{Event: "purchase"}},
		"nulls and empty strings": {
			`{"event":"purchase","user_id":"","timestamp":null,"metadata":""}`,
			analytics.Track{Event: "purchase"},
		},
		"no metadata": {
			`{"event":"purchase","timestamp":"","metadata":"{}"}`,
			analytics.Track{Event: "purchase", Metadata: map[string]any{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got analytics.Track
			if err := json.Unmarshal([]byte(test.data), &got); err != nil {
				t.Fatal(err)
			}
			if !got.At.Equal(test.want.At) {
				t.Errorf("at: got %s, want %s", got.At, test.want.At)
			}
			got.At, test.want.At = time.Time{}, time.Time{}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestTrackRefusesWhatItWouldCountWrongly(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"event":"e","timestamp":"yesterday"}`:   "neither Unix seconds nor RFC 3339",
		`{"event":"e","timestamp":1732300000123}`: "not in Unix seconds",
		`{"event":"e","timestamp":-1}`:            "not in Unix seconds",
		`{"event":"e","timestamp":"NaN"}`:         "not in Unix seconds",
		`{"event":"e","timestamp":true}`:          "neither Unix seconds nor RFC 3339",
		`{"event":"e","metadata":"[1]"}`:          "metadata",
		`{"event":"e","metadata":"{"}`:            "metadata",
		`{"event":1}`:                             "event",
	} {
		err := json.Unmarshal([]byte(data), new(analytics.Track))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", data, err, want)
		}
	}
}

func TestTrackComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, want := range []analytics.Track{
		{Event: "purchase"},
		{Event: "purchase", UserID: "u-1", At: time.UnixMilli(1732300000123).UTC(), Metadata: map[string]any{"item": "book"}},
	} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got analytics.Track
		if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v (%v), want %+v", data, got, err, want)
		}
	}
	if data, _ := json.Marshal(analytics.Track{Event: "e", At: time.UnixMilli(1732300000123)}); string(data) !=
		`{"event":"e","timestamp":1732300000.123}` {
		t.Errorf("wire format: %s", data)
	}
}

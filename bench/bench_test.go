package main

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// TestRun runs the whole benchmark, small: every measurement of every contestant gives a figure.
func TestRun(t *testing.T) {
	t.Parallel()
	opts := options{sizes: sizes{jobs: 2000, callers: 16, samples: 5}, rounds: 1, json: true}
	var out bytes.Buffer
	if err := run(t.Context(), opts, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var rep report
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	if len(rep.Metrics) != len(metrics) {
		t.Fatalf("%d metrics, want %d", len(rep.Metrics), len(metrics))
	}
	for _, res := range rep.Metrics {
		for _, name := range rep.Contestants {
			if res.Medians[name] <= 0 {
				t.Errorf("%s of %s: %v", res.Name, name, res.Medians[name])
			}
		}
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	var args noop
	if len(payload) != 100 || json.Unmarshal(payload, &args) != nil || args.Pad == "" {
		t.Errorf("payload %s has %d bytes", payload, len(payload))
	}
}

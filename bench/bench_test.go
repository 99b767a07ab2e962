package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun runs the whole benchmark, small: every measurement of every contestant gives a figure.
func TestRun(t *testing.T) {
	t.Parallel()
	opts := small(t, "all", quick)
	rep := runReport(t, opts)
	for _, m := range metrics {
		isHigherRate := strings.HasPrefix(m.name, "latency_at_") && m.name != loadMetric(opts.rates[0])
		if isHigherRate || strings.Contains(m.name, "_p99") { // five samples have no tail
			continue
		}
		for _, c := range rep.Contestants {
			if figure := figureOf(rep, m.name, c.Name); figure <= 0 {
				t.Errorf("%s of %s: %v", m.name, c.Name, figure)
			}
		}
	}
	plots, err := os.ReadDir(opts.svg)
	if err != nil || len(plots) == 0 {
		t.Errorf("%d plots: %v", len(plots), err)
	}
}

// TestPeersRun has every peer enqueue and run jobs.
func TestPeersRun(t *testing.T) {
	t.Parallel()
	for _, peer := range []string{"floor+json", "asynq", "river", "watermill", "bullmq"} {
		t.Run(peer, func(t *testing.T) {
			t.Parallel()
			rep := runReport(t, small(t, "enqueue,drain,memory", peer))
			if len(rep.Absent) == 1 && peer == "bullmq" {
				t.Log(rep.Absent) // where there is no Node.js, or no registry to install from
				return
			}
			for _, metric := range []string{"enqueue", "drain", "memory"} {
				if figure := figureOf(rep, metric, peer); figure <= 0 {
					t.Errorf("%s: %v", metric, figure)
				}
			}
		})
	}
}

// small are options for a run of seconds, whose report and plots go to a folder of the test's own.
func small(t *testing.T, measure, peers string) options {
	t.Helper()
	opts := defaults()
	opts.sizes = sizes{jobs: 1000, callers: 16, samples: 5, rates: loadRates[:1], paced: 100 * time.Millisecond}
	opts.rounds = 1
	folder := t.TempDir()
	opts.json, opts.svg = filepath.Join(folder, "report.json"), filepath.Join(folder, "plots")
	var err error
	if opts.measure, err = measured(measure); err != nil {
		t.Fatal(err)
	}
	if opts.peers, err = chosen(peers); err != nil {
		t.Fatal(err)
	}
	return opts
}

func runReport(t *testing.T, opts options) *report {
	t.Helper()
	var table bytes.Buffer
	if err := run(t.Context(), opts, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, c := range opts.peers {
		if !strings.Contains(table.String(), c.name) {
			t.Errorf("%s is not in the table:\n%s", c.name, table.String())
		}
	}
	text, err := os.ReadFile(opts.json)
	if err != nil {
		t.Fatal(err)
	}
	rep := &report{}
	if err := json.Unmarshal(text, rep); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return rep
}

func figureOf(rep *report, metric, contestant string) float64 {
	for _, res := range rep.Sections[0].Metrics {
		if res.Name == metric {
			return res.Figures[contestant].Median
		}
	}
	return 0
}

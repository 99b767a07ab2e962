package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Query says which jobs of a queue are meant. State is required; of the other fields, those that are set must all
// match. [ParseQuery] reads one from text.
type Query struct {
	State         State
	ID            string            // the job's, or its entry's
	Kind          string            // a * at the end stands for any rest
	Worker        string            // in flight: its consumer; dead: its last one. A worker's name means all its sessions
	Error         string            // a part of the error or the reason, in any case
	MinIdle       time.Duration     // in flight: since its delivery
	MinDeliveries int64             // in flight
	MinAge        time.Duration     // since it was enqueued
	Data          map[string]string // path in the job's data, with dots → value; a * at its end stands for any rest
	Signature     string            // dead: see [DeadGroup]
	Preset        Preset
}

// Preset is a query that has a name: what goes wrong in flight.
type Preset string

// The presets, of jobs in flight.
const (
	PresetStuck    Preset = "stuck"    // its worker is late or gone, or its handler ignores that its context was cancelled
	PresetPoison   Preset = "poison"   // a worker has crashed with it, or it was delivered three times or more
	PresetOrphaned Preset = "orphaned" // nobody works on it: it is parked, or its consumer has no lease
)

const poisonDeliveries = 3

func (q Query) validate() error {
	if err := q.problem(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadQuery, err)
	}
	return nil
}

func (q Query) problem() error {
	row := q.State.row()
	if row == nil || row.list == nil {
		return fmt.Errorf("state %q: want %s", q.State, listedStates())
	}
	switch q.Preset {
	case "", PresetStuck, PresetPoison, PresetOrphaned:
	default:
		return fmt.Errorf("preset %q: want stuck, poison or orphaned", q.Preset)
	}
	if !row.inFlight && (q.Preset != "" || q.MinIdle > 0 || q.MinDeliveries > 0) {
		return fmt.Errorf("%s jobs have no idle time, deliveries, or preset: they are not in flight", q.State)
	}
	if !row.hasWorker && q.Worker != "" {
		return fmt.Errorf("%s jobs have no worker", q.State)
	}
	if q.State != StateDead && q.Signature != "" {
		return fmt.Errorf("%s jobs have no signature: they are not dead", q.State)
	}
	return nil
}

// isEverything reports whether the query means all jobs of its state.
func (q Query) isEverything() bool {
	return q.ID == "" && q.Kind == "" && q.Worker == "" && q.Error == "" && q.MinIdle == 0 && q.MinDeliveries == 0 &&
		q.MinAge == 0 && len(q.Data) == 0 && q.Signature == "" && q.Preset == ""
}

func (q Query) spec(now time.Time) scanSpec {
	s := scanSpec{state: q.State}
	if q.isEverything() {
		return s
	}
	s.match = func(job *JobInfo) bool { return q.match(job, now) }
	if q.State == StateInFlight {
		s.row = func(row redis.XPendingExt) bool {
			return row.Idle >= q.MinIdle && row.RetryCount >= q.MinDeliveries && isWorker(row.Consumer, q.Worker)
		}
		if _, ok := wire.SplitConsumer(q.Worker); ok || wire.IsParking(q.Worker) {
			s.consumer = q.Worker
		}
	}
	return s
}

// match reports whether a job of the query's state is meant.
func (q Query) match(job *JobInfo, now time.Time) bool {
	return (q.ID == "" || job.ID == q.ID || job.Entry == q.ID || job.place().String() == q.ID) &&
		matchText(job.Kind, q.Kind) && isWorker(job.Worker, q.Worker) &&
		(q.Error == "" || containsFold(job.Error, q.Error) || containsFold(job.Reason, q.Error)) &&
		job.IdleMS >= q.MinIdle.Milliseconds() && job.Deliveries >= q.MinDeliveries &&
		(q.MinAge == 0 || job.EnqueuedAt != nil && now.Sub(*job.EnqueuedAt) >= q.MinAge) &&
		(q.Signature == "" || signature(job) == q.Signature) &&
		q.Preset.match(job) && matchData(job.source.Data, q.Data)
}

func (p Preset) match(job *JobInfo) bool {
	switch p {
	case PresetStuck:
		return job.Stuck
	case PresetPoison:
		return job.Crashes > 0 || job.Deliveries >= poisonDeliveries
	case PresetOrphaned:
		return job.Heartbeat == HeartbeatParked || job.Heartbeat == HeartbeatGone
	}
	return true
}

// matchText compares with a value that may end in a *. An empty one matches everything.
func matchText(text, want string) bool {
	if prefix, open := strings.CutSuffix(want, "*"); open {
		return strings.HasPrefix(text, prefix)
	}
	return want == "" || text == want
}

// isWorker compares a consumer with a consumer's name or a worker's.
func isWorker(consumer, want string) bool {
	name, _ := wire.SplitConsumer(consumer)
	return want == "" || consumer == want || name == want || strings.HasSuffix(want, "*") && matchText(consumer, want)
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// matchData reports whether data has, at each path, the value that is wanted there.
func matchData(data []byte, want map[string]string) bool {
	if len(want) == 0 {
		return true
	}
	if !mayHold(data, want) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var root any
	if decoder.Decode(&root) != nil {
		return false
	}
	for path, value := range want {
		if !hasValue(root, strings.Split(path, "."), value) {
			return false
		}
	}
	return true
}

// mayHold is a quick look before data is taken apart: what is nowhere in it is not at its place either. Escapes can
// write any text in another way.
func mayHold(data []byte, want map[string]string) bool {
	if bytes.IndexByte(data, '\\') >= 0 {
		return true
	}
	for _, value := range want {
		if !bytes.Contains(data, []byte(strings.TrimSuffix(value, "*"))) {
			return false
		}
	}
	return true
}

// hasValue follows a path. In an array a number names an element, and anything else is looked for in all of them.
func hasValue(at any, path []string, want string) bool {
	switch at := at.(type) {
	case map[string]any:
		if len(path) == 0 {
			return false
		}
		if value, ok := at[strings.Join(path, ".")]; ok && hasValue(value, nil, want) { // a name with dots in it
			return true
		}
		value, ok := at[path[0]]
		return ok && hasValue(value, path[1:], want)
	case []any:
		if len(path) > 0 {
			if n, err := strconv.Atoi(path[0]); err == nil {
				return n >= 0 && n < len(at) && hasValue(at[n], path[1:], want)
			}
		}
		for _, element := range at {
			if hasValue(element, path, want) {
				return true
			}
		}
		return false
	}
	return len(path) == 0 && matchText(scalar(at), want)
}

// scalar is a JSON value without its quotes.
func scalar(value any) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

package wire_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// store is a queue of one test: it has the group, and nothing else.
type store struct {
	*testing.T
	rdb *redis.Client
	q   *wire.QueueRef

	move wire.Move // of the outcomes
}

func newStore(t *testing.T) *store {
	t.Helper()
	return newStoreOn(t, redistest.Shared(t).Client(t))
}

func newStoreOn(t *testing.T, rdb *redis.Client) *store {
	t.Helper()
	q := wire.NewQueueRef(redistest.Namespace(), "q", wire.Binding{})
	s := &store{T: t, rdb: rdb, q: &q}
	s.must(rdb.XGroupCreateMkStream(t.Context(), q.Stream, q.Group, "0").Err())
	return s
}

func (s *store) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// add puts plain jobs j-1, j-2 ... into the stream, as the entries 1-1, 2-1 ...
func (s *store) add(count int) {
	s.Helper()
	for n := 1; n <= count; n++ {
		s.must(s.rdb.XAdd(s.Context(), &redis.XAddArgs{
			Stream: s.q.Stream, ID: fmt.Sprintf("%d-1", n),
			Values: []string{"id", fmt.Sprintf("j-%d", n), "kind", "mail", "data", "{}"},
		}).Err())
	}
}

// read delivers entries to a consumer.
func (s *store) read(consumer string, count int) {
	s.Helper()
	streams, err := s.rdb.XReadGroup(s.Context(), &redis.XReadGroupArgs{
		Group: s.q.Group, Consumer: consumer, Streams: []string{s.q.Stream, ">"}, Count: int64(count), Block: -1,
	}).Result()
	s.must(err)
	if len(streams) != 1 || len(streams[0].Messages) != count {
		s.Fatalf("%d entries were to be read: %v", count, streams)
	}
}

func (s *store) join(consumer string) {
	s.Helper()
	_, err := wire.Join(s.Context(), s.rdb, s.q, consumer, &wire.Registration{Worker: "w", Lease: time.Hour})
	s.must(err)
}

// endLease makes a worker one whose lease has ended.
func (s *store) endLease(consumer string) {
	s.Helper()
	s.must(s.rdb.ZAdd(s.Context(), s.q.Workers(), redis.Z{Score: 1, Member: consumer}).Err())
}

// held returns a store whose worker w#1 is registered and holds that many entries.
func held(t *testing.T, count int) *store {
	t.Helper()
	return heldOn(newStore(t), count)
}

func heldOn(s *store, count int) *store {
	s.Helper()
	s.add(count)
	s.join("w#1")
	s.read("w#1", count)
	return s
}

// clockTime is a time of the server's clock: ms, µs, or the ID of an entry.
var clockTime = regexp.MustCompile(`\b\d{13,16}(-\d+)?\b`)

// snapshot returns every key of the queue, a line each, without the registrations' unchanging fields. Times of the
// server's clock are NOW, and a key that expires ends with a !.
func (s *store) snapshot(leaveOut ...string) string {
	s.Helper()
	keys, err := s.rdb.Keys(s.Context(), strings.ReplaceAll(s.q.Stream, "{", "?")+"*").Result()
	s.must(err)
	var lines []string
	for _, key := range keys {
		name := strings.TrimPrefix(key, s.q.Prefix)
		if key == s.q.Stream {
			name = "stream"
		}
		if slices.Contains(leaveOut, name) {
			continue
		}
		ttl, err := s.rdb.PTTL(s.Context(), key).Result()
		s.must(err)
		line := name + " " + s.value(key)
		if ttl > 0 {
			line += " !"
		}
		lines = append(lines, clockTime.ReplaceAllString(line, "NOW"))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (s *store) value(key string) string {
	s.Helper()
	var words []string
	switch typ := s.rdb.Type(s.Context(), key).Val(); typ {
	case "string":
		return s.rdb.Get(s.Context(), key).Val()
	case "hash":
		fields := s.rdb.HGetAll(s.Context(), key).Val()
		if strings.Contains(key, ":worker:") {
			maps.DeleteFunc(fields, func(name, _ string) bool {
				return !slices.Contains([]string{"worker", "running", "stuck", "state", "order"}, name)
			})
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			words = append(words, name+"="+fields[name])
		}
	case "zset":
		for _, z := range s.rdb.ZRangeWithScores(s.Context(), key, 0, -1).Val() {
			words = append(words, fmt.Sprintf("%v:%.0f", z.Member, z.Score))
		}
	case "list":
		return strings.Join(s.rdb.LRange(s.Context(), key, 0, -1).Val(), ", ")
	case "stream":
		return s.entries(key)
	default:
		s.Fatalf("%s is a %s", key, typ)
	}
	return strings.Join(words, " ")
}

// entries returns a stream as text: entry(job) of each, then entry>consumer×deliveries of what is pending, then the
// consumers.
func (s *store) entries(stream string) string {
	s.Helper()
	var words []string
	for _, entry := range s.rdb.XRange(s.Context(), stream, "-", "+").Val() {
		word := fmt.Sprintf("%s(%v", entry.ID, entry.Values["id"])
		for _, field := range []string{"meta", "reason"} {
			if value, ok := entry.Values[field]; ok && value != "" {
				word += fmt.Sprintf(" %v", value)
			}
		}
		words = append(words, word+")")
	}
	pending, _ := s.rdb.XPendingExt(s.Context(), &redis.XPendingExtArgs{
		Stream: stream, Group: s.q.Group, Start: "-", End: "+", Count: 1000,
	}).Result() // an error: it has no group
	for _, p := range pending {
		words = append(words, fmt.Sprintf("%s>%s×%d", p.ID, p.Consumer, p.RetryCount))
	}
	consumers, _ := s.rdb.XInfoConsumers(s.Context(), stream, s.q.Group).Result()
	names := []string{}
	for _, c := range consumers {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return strings.Join(append(words, fmt.Sprint(names)), " ")
}

// workerKeys are those that tests of a job's moves leave out of a snapshot.
var workerKeys = []string{"workers", "worker:w#1"}

// holds compares a snapshot, without the keys of the worker w#1, with a text whose lines may be indented.
func (s *store) holds(what, want string) {
	s.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if got := s.snapshot(workerKeys...); got != strings.Join(lines, "\n") {
		s.Errorf("%s: Redis has\n%s\nwant\n%s", what, got, strings.Join(lines, "\n"))
	}
}

func ref(id string) wire.EntryRef { return wire.EntryRef{ID: id} }

func intern(b []byte) string { return string(b) }

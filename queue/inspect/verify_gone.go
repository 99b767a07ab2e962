package inspect

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// books is what one atomic snapshot says of a queue.
type books struct {
	stream *redis.XInfoStream // with the counts of all lanes; nil if there is none
	totals map[string]string
	joined bool // a worker has joined the queue
}

// addStream adds a lane's stream, if there is one.
func (b *books) addStream(info *redis.XInfoStreamCmd) {
	switch {
	case info.Err() != nil:
	case b.stream == nil:
		b.stream = info.Val()
	default:
		b.stream.Length += info.Val().Length
		b.stream.EntriesAdded += info.Val().EntriesAdded
	}
}

func (b *books) total(names ...string) (sum int64) {
	for _, name := range names {
		n, _ := strconv.ParseInt(b.totals[name], 10, 64)
		sum += n
	}
	return sum
}

// left is how many jobs have left the stream.
func (b *books) left() int64 {
	return b.total("done", "retried", "snoozed", "dead", "cancelled", "deleted_stream", "edited", "expired")
}

// verifyKeys looks for whole keys that must be there and are not: Redis has evicted them, or a person has deleted them.
// What was in them is not in the balances, or is made anew.
func (i *Inspector) verifyKeys(ctx context.Context, q *wire.QueueRef, b *books, audit *Audit) error {
	switch {
	case b.stream == nil && (b.joined || b.left()+b.total("promoted") > 0):
		last, err := i.lastSeen(ctx, q)
		if err != nil {
			return err
		}
		audit.miss("the stream %s is gone, with all that waited and ran: %s", q.Stream, last)
		audit.Balances = append(audit.Balances, Balance{"stream", b.left() + last.Waiting + last.InFlight, b.left(), 0})
	case b.stream != nil && b.stream.EntriesAdded > 0 && b.stream.EntriesAdded < b.left():
		last, err := i.lastSeen(ctx, q)
		if err != nil {
			return err
		}
		audit.miss("the stream %s was made anew: %d jobs have left it and %d came; what it held is gone: %s", q.Stream,
			b.left(), b.stream.EntriesAdded, last)
	case b.stream != nil && len(b.totals) == 0 && b.stream.EntriesAdded > b.stream.Length:
		audit.miss("the totals %s are gone: what has become of %d jobs is not known", q.Totals(),
			b.stream.EntriesAdded-b.stream.Length)
	}
	if _, known, err := i.registry.Lookup(ctx, q.Name); err != nil || known {
		return err
	}
	if audit.Evicted.Keys > 0 {
		audit.miss("the registry of queues does not name %s any more", q.Name)
	}
	return nil
}

// lastSeen is what a caretaker has noted last: of the minutes of the last hour, or of the hours of the last week.
func (i *Inspector) lastSeen(ctx context.Context, q *wire.QueueRef) (last lastLook, err error) {
	now := i.now()
	for _, unit := range []struct {
		key   func(time.Time) string
		step  time.Duration
		steps int
	}{{q.Minute, time.Minute, 60}, {q.Hour, time.Hour, 8 * 24}} {
		pipe := i.rdb.Pipeline()
		looks := make([]*redis.SliceCmd, unit.steps)
		for k := range looks {
			looks[k] = pipe.HMGet(ctx, unit.key(now.Add(-time.Duration(k)*unit.step)), "waiting", "in_flight",
				"waiting:high", "waiting:low", "in_flight:high", "in_flight:low")
		}
		if err := execute(ctx, pipe); err != nil {
			return last, err
		}
		for k, look := range looks {
			if look.Val()[0] == nil {
				continue
			}
			n := func(cell int) int64 {
				text, _ := look.Val()[cell].(string)
				v, _ := strconv.ParseInt(text, 10, 64)
				return v
			}
			last.At = now.Add(-time.Duration(k) * unit.step).Truncate(unit.step)
			last.Waiting, last.InFlight = n(0)+n(2)+n(3), n(1)+n(4)+n(5)
			return last, nil
		}
	}
	return last, nil
}

// lastLook is how many jobs there were when a caretaker looked last.
type lastLook struct {
	At                time.Time // the minute or hour; zero if none has
	Waiting, InFlight int64
}

func (l lastLook) String() string {
	if l.At.IsZero() {
		return "how many is not known"
	}
	return fmt.Sprintf("%d waited and %d ran when a worker looked last, at %s", l.Waiting, l.InFlight,
		l.At.UTC().Format("2 Jan 15:04 UTC"))
}

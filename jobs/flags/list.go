package flags

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// MaxPage is the most that one call of List or Trail returns.
const MaxPage = 1000

// Flag is a flag as it stands, without the names of its users.
type Flag struct {
	Name     string `json:"name"`
	On       bool   `json:"on"` // for everyone
	Rules    Rules  `json:"rules"`
	UsersOn  int64  `json:"users_on"`
	UsersOff int64  `json:"users_off"`
	Problem  string `json:"problem,omitempty"` // why its rules cannot be read; they count as none
}

// Flag returns a flag as it stands, and whether anybody ever set it.
func (s *Store) Flag(ctx context.Context, name string) (Flag, bool, error) {
	if err := checkFlag(name); err != nil {
		return Flag{}, false, fmt.Errorf("flags: %w", err)
	}
	copies, err := load(ctx, s.rdb, []string{name}, 0)
	if err != nil {
		return Flag{}, false, fmt.Errorf("flags: look up %s: %w", name, err)
	}
	return copies[name].flag(name), copies[name].known, nil
}

func (c copied) flag(name string) Flag {
	f := Flag{Name: name, On: c.on, Rules: c.rules, UsersOn: c.usersOn.size, UsersOff: c.usersOff.size}
	if c.rulesErr != nil {
		f.Problem = c.rulesErr.Error()
	}
	return f
}

// List returns the flags that come after a name, in the order of their bytes; after "" is the first. A limit of 0, or
// above [MaxPage], is MaxPage. It lists what Go programs set or a [Watcher] was notified of; [Store.Adopt] finds the rest.
func (s *Store) List(ctx context.Context, after string, limit int) ([]Flag, error) {
	names, err := s.names(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("flags: list: %w", err)
	}
	copies, err := load(ctx, s.rdb, names, 0)
	if err != nil {
		return nil, fmt.Errorf("flags: list: %w", err)
	}
	flags := make([]Flag, len(names))
	for i, name := range names {
		flags[i] = copies[name].flag(name)
	}
	return flags, nil
}

// names is a page of the index.
//
// Why: docs/decisions/features.md#the-list-of-flags-is-an-index-not-a-scan
func (s *Store) names(ctx context.Context, after string, limit int) ([]string, error) {
	first := "-"
	if after != "" {
		first = "(" + after
	}
	return s.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: indexKey, ByLex: true, Start: first, Stop: "+", Count: int64(page(limit)),
	}).Result()
}

func page(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// Adopt looks through all keys for flags that other programs set, and lists them. It returns how many it found that
// were not listed. On a server with many keys it takes its time: a round trip for each thousand, of any kind.
func (s *Store) Adopt(ctx context.Context) (int, error) {
	nodes, err := redisx.Masters(ctx, s.rdb)
	if err != nil {
		return 0, fmt.Errorf("flags: adopt: %w", err)
	}
	adopted := 0
	for _, node := range nodes {
		scan := node.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for scan.Next(ctx) {
			n, err := s.adopt(ctx, flagOf(scan.Val()))
			if err != nil {
				return adopted, fmt.Errorf("flags: adopt: %w", err)
			}
			adopted += n
		}
		if err := scan.Err(); err != nil {
			return adopted, fmt.Errorf("flags: adopt: %w", err)
		}
	}
	return adopted, nil
}

// adopt lists a flag that is not listed.
func (s *Store) adopt(ctx context.Context, flag string) (int, error) {
	if checkFlag(flag) != nil {
		return 0, nil // a key of another program's, not a flag
	}
	n, err := s.rdb.ZAddNX(ctx, indexKey, redis.Z{Member: flag}).Result()
	return int(n), err
}

// Event is an entry of a flag's trail.
type Event struct {
	ID     string    `json:"id"` // of the entry, for the next page
	At     time.Time `json:"at"` // by Redis' clock
	Action Action    `json:"action"`
	User   string    `json:"user,omitempty"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`

	// Before and After are "on" or "off" for a flag and for a user on one of its lists, and JSON for rules.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Trail returns the changes of a flag, the last one first: those before the entry with an ID, or before "" the last
// ones. A limit of 0, or above [MaxPage], is MaxPage. Changes that other programs made are not in it.
func (s *Store) Trail(ctx context.Context, flag, before string, limit int) ([]Event, error) {
	if err := checkFlag(flag); err != nil {
		return nil, fmt.Errorf("flags: %w", err)
	}
	last := "+"
	if before != "" {
		last = "(" + before
	}
	entries, err := s.rdb.XRevRangeN(ctx, auditKey(flag), last, "-", int64(page(limit))).Result()
	if err != nil {
		return nil, fmt.Errorf("flags: trail of %s: %w", flag, err)
	}
	events := make([]Event, len(entries))
	for i, entry := range entries {
		field := func(name string) string { text, _ := entry.Values[name].(string); return text }
		id, _ := redisx.ParseStreamID(entry.ID)
		events[i] = Event{
			ID: entry.ID, At: id.Time(), Action: Action(field("action")), User: field("user"),
			By: field("by"), Reason: field("reason"), Before: field("before"), After: field("after"),
		}
	}
	return events, nil
}

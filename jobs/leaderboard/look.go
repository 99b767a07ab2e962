package leaderboard

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// KeyPrefix begins the keys of all boards; the board's name follows. The boards of days, weeks and seasons are named
// <name>:<day> and so on, and can be read under that name.
const KeyPrefix = "leaderboard:"

// Summary is what is known of a board without its Config.
type Summary struct {
	Name    string `json:"name"`
	Members int64  `json:"members"`
	Ties    Ties   `json:"-"` // EarlierWins where an order is kept, else ByName: Shared leaves no trace
}

// Look returns those of the named boards that anybody is on, in the order of the names, in one round trip. Names that
// no board can have, and keys that are none, are left out.
func (b *Boards) Look(ctx context.Context, names ...string) ([]Summary, error) {
	type replies struct {
		name           string
		members, order *redis.IntCmd
	}
	pipe := b.rdb.Pipeline()
	var asked []replies
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "{}") {
			continue
		}
		t := &Table{key: KeyPrefix + name}
		asked = append(asked, replies{name, pipe.ZCard(ctx, t.key), pipe.Exists(ctx, t.companion("order"))})
	}
	if len(asked) == 0 {
		return nil, nil
	}
	_, _ = pipe.Exec(ctx) // a key of another type fails its own command alone
	for _, reply := range asked {
		if err := reply.members.Err(); err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, fmt.Errorf("leaderboard: look: %w", err)
		}
	}
	found := make([]Summary, 0, len(asked))
	for _, reply := range asked {
		s := Summary{Name: reply.name, Members: reply.members.Val()}
		if reply.order.Val() == 1 {
			s.Ties = EarlierWins
		}
		if s.Members > 0 {
			found = append(found, s)
		}
	}
	return found, nil
}

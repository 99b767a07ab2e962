package flags

import (
	"context"
	"maps"
	"reflect"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// chunk is how many flags are read in one round trip.
const chunk = 100

// copied is a flag as it was read.
type copied struct {
	record
	indexed           bool // it is in the index
	usersOn, usersOff members
}

// members is a set of users. A set that is too large to copy has its size alone, and Redis is asked.
type members struct {
	size  int64
	users map[string]struct{}
}

func (m members) large() bool { return m.size > 0 && m.users == nil }

func (m members) has(user string) bool { _, ok := m.users[user]; return ok }

// equal reports whether two readings of a flag are the same to those who look at it.
func (c copied) equal(other copied) bool {
	c.indexed, other.indexed = false, false
	return reflect.DeepEqual(c, other)
}

// load reads flags, with their users where there are no more than maxUsers.
func load(ctx context.Context, rdb redis.UniversalClient, names []string, maxUsers int64) (map[string]copied, error) {
	loaded := make(map[string]copied, len(names))
	for len(names) > 0 {
		n := min(len(names), chunk)
		part, err := loadChunk(ctx, rdb, names[:n], maxUsers)
		if err != nil {
			return nil, err
		}
		maps.Copy(loaded, part)
		names = names[n:]
	}
	return loaded, nil
}

func loadChunk(ctx context.Context, rdb redis.UniversalClient, names []string, maxUsers int64) (map[string]copied, error) {
	type replies struct {
		on, rules *redis.StringCmd
		index     *redis.FloatCmd
		sizes     [2]*redis.IntCmd
	}
	asked := make([]replies, len(names))
	pipe := rdb.Pipeline()
	for i, name := range names {
		asked[i] = replies{
			on: pipe.Get(ctx, onKey(name)), rules: pipe.Get(ctx, rulesKey(name)),
			index: pipe.ZScore(ctx, indexKey, name),
			sizes: [2]*redis.IntCmd{pipe.SCard(ctx, usersKey(name)), pipe.SCard(ctx, offKey(name))},
		}
	}
	if err := redisx.Execute(ctx, pipe, "WRONGTYPE"); err != nil { // a key may be another program's
		return nil, err
	}
	loaded := make(map[string]copied, len(names))
	for i, name := range names {
		reply, c := asked[i], copied{}
		c.on = reply.on.Val() == "1"
		c.rules, c.rulesErr = decodeRules(reply.rules.Val())
		c.usersOn.size, c.usersOff.size = reply.sizes[0].Val(), reply.sizes[1].Val()
		c.indexed = reply.index.Err() == nil
		c.known = c.indexed || reply.on.Err() == nil || reply.rules.Err() == nil ||
			c.usersOn.size+c.usersOff.size > 0
		loaded[name] = c
	}
	return loaded, loadUsers(ctx, rdb, loaded, maxUsers)
}

// loadUsers adds the users of the flags whose sets are small enough. A set that has grown since it was measured is
// taken as it is: the change that made it grow is notified, and it is measured again.
func loadUsers(ctx context.Context, rdb redis.UniversalClient, loaded map[string]copied, maxUsers int64) error {
	asked := map[string]*redis.StringSliceCmd{}
	wanted := func(m members) bool { return m.size > 0 && m.size <= maxUsers }
	pipe := rdb.Pipeline()
	for name, c := range loaded {
		if wanted(c.usersOn) {
			asked[usersKey(name)] = pipe.SMembers(ctx, usersKey(name))
		}
		if wanted(c.usersOff) {
			asked[offKey(name)] = pipe.SMembers(ctx, offKey(name))
		}
	}
	if err := redisx.Execute(ctx, pipe, "WRONGTYPE"); err != nil {
		return err
	}
	for name, c := range loaded {
		if reply := asked[usersKey(name)]; reply != nil {
			c.usersOn = setOf(reply.Val())
		}
		if reply := asked[offKey(name)]; reply != nil {
			c.usersOff = setOf(reply.Val())
		}
		loaded[name] = c
	}
	return nil
}

func setOf(users []string) members {
	m := members{size: int64(len(users)), users: make(map[string]struct{}, len(users))}
	for _, user := range users {
		m.users[user] = struct{}{}
	}
	return m
}

//go:build ignore

package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const head = `# Every key that the queue package of commit 98d9684 left in a Redis 7.0, as commands that make it: one
# a line, arguments with anything unusual quoted as in Go. Written by the program in before-0.1. An entry 0-<n> that
# is trimmed at once stands for one that was deleted before: Redis counts them.
`

// dump prints the commands that recreate every key.
func (f *filler) dump() {
	fmt.Print(head)
	keys, err := f.rdb.Keys(f.ctx, "*").Result()
	must(err)
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Println()
		f.dumpKey(key)
		if left := f.rdb.PTTL(f.ctx, key).Val(); left > 0 {
			command("PEXPIRE", key, left.Milliseconds())
		}
	}
}

func (f *filler) dumpKey(key string) {
	switch typ := f.rdb.Type(f.ctx, key).Val(); typ {
	case "string":
		command("SET", key, f.rdb.Get(f.ctx, key).Val())
	case "hash":
		fields := f.rdb.HGetAll(f.ctx, key).Val()
		for _, name := range sorted(fields) {
			command("HSET", key, name, fields[name])
		}
	case "zset":
		for _, member := range f.rdb.ZRangeWithScores(f.ctx, key, 0, -1).Val() {
			command("ZADD", key, strconv.FormatFloat(member.Score, 'f', -1, 64), member.Member)
		}
	case "stream":
		f.dumpStream(key)
	default:
		panic(key + " is a " + typ)
	}
}

func (f *filler) dumpStream(key string) {
	info, err := f.rdb.XInfoStream(f.ctx, key).Result()
	must(err)
	for n := range info.EntriesAdded - info.Length {
		command("XADD", key, "MAXLEN", 0, fmt.Sprintf("0-%d", n+1), "deleted", "")
	}
	entries, err := f.rdb.Do(f.ctx, "XRANGE", key, "-", "+").Slice() // not XRange: it loses the order of the fields
	must(err)
	for _, entry := range entries {
		cells := entry.([]any)
		command(append([]any{"XADD", key, cells[0]}, cells[1].([]any)...)...)
	}
	command("XSETID", key, info.LastGeneratedID)
	groups, err := f.rdb.XInfoGroups(f.ctx, key).Result()
	must(err)
	for _, group := range groups {
		command("XGROUP", "CREATE", key, group.Name, group.LastDeliveredID)
		consumers, err := f.rdb.XInfoConsumers(f.ctx, key, group.Name).Result()
		must(err)
		for _, consumer := range consumers {
			command("XGROUP", "CREATECONSUMER", key, group.Name, consumer.Name)
		}
		pending, err := f.rdb.Do(f.ctx, "XPENDING", key, group.Name, "-", "+", 1000).Slice()
		must(err)
		at := f.rdb.Time(f.ctx).Val()
		for _, row := range pending {
			cells := row.([]any)
			delivered := at.Add(-time.Duration(cells[2].(int64)) * time.Millisecond).UnixMilli()
			command("XCLAIM", key, group.Name, cells[1], 0, cells[0],
				"TIME", delivered, "RETRYCOUNT", cells[3], "FORCE", "JUSTID")
		}
	}
}

func sorted(fields map[string]string) []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var bare = regexp.MustCompile(`^[-A-Za-z0-9_.:~#@/{}]+$`)

// command prints a command. The name of the machine that it runs on is replaced.
func command(args ...any) {
	host, _ := os.Hostname()
	words := make([]string, len(args))
	for k, arg := range args {
		words[k] = fmt.Sprint(arg)
		if words[k] == host {
			words[k] = "host-1"
		}
		if !bare.MatchString(words[k]) {
			words[k] = strconv.Quote(words[k])
		}
	}
	fmt.Println(strings.Join(words, " "))
}

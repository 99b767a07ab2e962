package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	pageAtMost = 200 * time.Millisecond
	rounds     = 5
	pace       = 25 * time.Millisecond // between requests, on average: the monitor makes who is faster wait
)

// address is something to ask a monitor for.
type address struct {
	name, path string
	status     int
}

// sample is one of the jobs of a state.
type sample struct{ id, cursor string }

// samples are the jobs in the middle of what a queue has: pages deep in a list begin at them.
func samples(ctx context.Context, rdb *redis.Client, b backlog) (map[string]sample, error) {
	found := map[string]sample{}
	for state, at := range map[string]struct {
		stream string
		count  int
	}{"waiting": {b.key(""), b.inFlight + b.waiting/2}, "pending": {b.key(""), b.inFlight / 2}, "dead": {b.key(":dead"),
		b.dead / 2}} {
		total, span := b.waiting+b.inFlight, 24*time.Hour
		if state == "dead" {
			total, span = b.dead, 7*24*time.Hour
		}
		first, err := rdb.XRangeN(ctx, at.stream, "-", "+", 1).Result()
		if err != nil || len(first) == 0 {
			return nil, fmt.Errorf("scale: %s is empty: %w", at.stream, err)
		}
		ms, _, _ := strings.Cut(first[0].ID, "-")
		from, _ := strconv.ParseInt(ms, 10, 64)
		middle := strconv.FormatInt(from+int64(float64(span.Milliseconds())*float64(at.count)/float64(total)), 10)
		entries, err := rdb.XRangeN(ctx, at.stream, middle, "+", 1).Result()
		if err != nil || len(entries) == 0 {
			return nil, fmt.Errorf("scale: the middle of %s: %w", at.stream, err)
		}
		id, _ := entries[0].Values["id"].(string)
		found[state] = sample{id, entries[0].ID}
	}
	rows, err := rdb.ZRangeWithScores(ctx, b.key(":delayed"), int64(b.delayed/2), int64(b.delayed/2)).Result()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("scale: the middle of what is delayed: %w", err)
	}
	id, _ := rows[0].Member.(string)
	found["delayed"] = sample{id, strconv.FormatInt(int64(rows[0].Score), 10) + ":" + id}
	return found, nil
}

// addresses are every page, filters of many kinds, pages deep in the lists, and jobs of each state.
func addresses(queue string, at map[string]sample) []address {
	list := []address{{"metrics", "/metrics", http.StatusOK}}
	for _, name := range []string{"queues", "workers", "redis", "audit", "locks", "flags", "leaderboards", "analytics"} {
		list = append(list, address{name, "/" + name, http.StatusOK})
	}
	for _, span := range []string{"1h", "24h", "7d"} {
		list = append(list, address{"overview " + span, "/?span=" + span, http.StatusOK})
	}
	add := func(name, page string, pairs ...string) {
		values := url.Values{"queue": {queue}}
		for k := 0; k < len(pairs); k += 2 {
			values.Set(pairs[k], pairs[k+1])
		}
		list = append(list, address{name, "/" + page + "?" + values.Encode(), http.StatusOK})
	}
	for _, page := range []string{"pending", "waiting", "delayed", "dead"} {
		add(page, page)
		add(page+", deep", page, "cursor", at[page].cursor)
		add(page+", a kind", page, "q", "kind:mail.*")
		add(page+", data, few match", page, "q", "args.customer.id:c-4711")
		add(page+", nothing matches", page, "q", "args.order_id:none")
		add(page+", deep, nothing matches", page, "cursor", at[page].cursor, "q", "args.order_id:none")
		add(page+", a job", page, "q", "id:"+at[page].id)
		list = append(list, address{"job, " + page, "/queues/" + queue + "/jobs/" + at[page].id, http.StatusOK})
	}
	add("retrying", "delayed", "state", "retrying")
	add("retrying, an error", "delayed", "state", "retrying", "q", "error:nothing")
	for _, preset := range []string{"stuck", "poison", "orphaned"} {
		add("pending, "+preset, "pending", "q", "is:"+preset)
	}
	add("pending, a worker", "pending", "q", "worker:box-7-"+queue)
	add("pending, no such worker", "pending", "q", "worker:nobody")
	add("pending, idle", "pending", "q", "idle:>10h")
	add("dead, an error", "dead", "q", "error:refused")
	add("dead, no such error", "dead", "q", "error:nothing")
	list = append(list, address{"job, not found", "/queues/" + queue + "/jobs/" +
		newMaker().id(time.Now().Add(-time.Hour)), http.StatusNotFound})
	return withData(list)
}

// withData adds the JSON twin of each page.
func withData(pages []address) []address {
	all := slices.Clone(pages)
	for _, a := range pages {
		if a.path == "/metrics" {
			continue
		}
		path := strings.Replace(a.path, "/?", "/overview?", 1)
		all = append(all, address{a.name + ", JSON", "/api/v1" + path, a.status})
	}
	return all
}

// visit is what a page took, each time that it was read from Redis.
type visit struct {
	name  string
	took  []time.Duration
	redis time.Duration // CPU, of all of them
	bytes int
}

// visitAll reads every page a few times, none of them out of the monitor's memory: an unknown parameter makes each
// address a new one. The monitor has who reads much wait before the next request, which is a cheap one here: the wait
// does not count as a page's.
func visitAll(ctx context.Context, m *monitor, p probe, pages []address) ([]visit, error) {
	visits := make([]visit, len(pages))
	for round := range rounds {
		for k, page := range pages {
			separator := "?"
			if strings.Contains(page.path, "?") {
				separator = "&"
			}
			if _, _, err := m.get(ctx, "/api/v1/flags", http.StatusOK); err != nil {
				return nil, err
			}
			if err := wait(ctx, pace); err != nil {
				return nil, err
			}
			before, err := p.cpu(ctx)
			if err != nil {
				return nil, err
			}
			body, took, err := m.get(ctx, page.path+separator+"visit="+strconv.Itoa(round*len(pages)+k), page.status)
			if err != nil {
				return nil, err
			}
			after, err := p.cpu(ctx)
			if err != nil {
				return nil, err
			}
			v := &visits[k]
			v.name, v.bytes = page.name, len(body)
			v.took = append(v.took, took)
			v.redis += after - before
		}
	}
	return visits, nil
}

func (v visit) median() time.Duration { return slices.Sorted(slices.Values(v.took))[len(v.took)/2] }

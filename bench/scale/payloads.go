package main

import (
	"context"
	"strconv"
	"strings"
	"time"
)

const (
	payloadJobs  = 2000
	payloadBytes = 100_000
)

// payloads searches among jobs with much data, waiting and delayed.
func (t *trial) payloads(ctx context.Context) error {
	b := backlog{queue: "documents"}
	w, err := dialWire(ctx, t.address)
	if err != nil {
		return err
	}
	m, now, text := newMaker(), time.Now(), strings.Repeat("all work and no play makes jack a dull boy. ", payloadBytes/44)
	w.command("HSET", "navvy:queues", b.queue, "{}")
	for k := range payloadJobs {
		at, entry := spread(now, time.Hour, k, payloadJobs)
		s := m.job(at)
		s.data = `{"order_id":"o-` + strconv.Itoa(k) + `","text":"` + text + `"}`
		w.command("XADD", b.key(""), entry, "id", s.id, "kind", s.kind, "data", s.data)
		s.id = m.id(at)
		w.command("HSET", b.key(":bodies"), s.id, s.body(""))
		w.command("ZADD", b.key(":delayed"), strconv.FormatInt(now.Add(time.Hour).UnixMilli()+int64(k), 10), s.id)
	}
	if err := w.close(); err != nil {
		return err
	}
	return t.watching(ctx, "large payloads", func() error {
		visits, err := visitAll(ctx, t.monitor, t.probe, []address{
			{"waiting, 100 KB each", "/waiting?queue=documents", 200},
			{"nothing matches", "/waiting?queue=documents&q=args.order_id:none", 200},
			{"delayed, 100 KB each", "/delayed?queue=documents", 200},
			{"nothing matches", "/delayed?queue=documents&q=args.order_id:none", 200},
		})
		if err == nil {
			t.report.pages(visits)
		}
		return err
	})
}

package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

const (
	auditKept = 10_000 // entries, about
	auditPage = 100
)

// Entry is a line of the audit trail: who did what to what, and when.
type Entry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`             // such as "queue.pause"
	Target string    `json:"target"`           // such as the queue's name
	Detail string    `json:"detail,omitempty"` // such as a filter, and how many jobs matched
}

func (d *Dashboard) auditKey() string { return d.namespace() + ":audit" }

func (d *Dashboard) namespace() string { return cmp.Or(d.cfg.Namespace, queue.DefaultNamespace) }

// audit notes what a user has done. That it could not be noted is logged, since what was done is done.
func (d *Dashboard) audit(ctx context.Context, user User, what, target, detail string) {
	err := d.cfg.Redis.XAdd(context.WithoutCancel(ctx), &redis.XAddArgs{
		Stream: d.auditKey(), MaxLen: auditKept, Approx: true,
		Values: []any{"who", user.Name, "what", what, "target", target, "detail", detail},
	}).Err()
	log := d.cfg.Log.Info()
	if err != nil {
		log = d.cfg.Log.Error().Err(err).Bool("audited", false)
	}
	log.Str("who", user.Name).Str("what", what).Str("target", target).Str("detail", detail).Msg("done by a person")
}

// trail is a page of the audit trail, the latest first.
type trail struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

var auditTrailPage = page{section: "audit", title: "Audit", template: "audit", load: loadTrail}

func loadTrail(ctx context.Context, d *Dashboard, r *request) (any, error) {
	from := "+"
	if cursor := r.Get("cursor"); cursor != "" {
		if !entryID.MatchString(cursor) {
			return nil, badQuery("%q is no cursor of this list", cursor)
		}
		from = "(" + cursor
	}
	found, err := d.cfg.Redis.XRevRangeN(ctx, d.auditKey(), from, "-", auditPage).Result()
	if err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", err)
	}
	var t trail
	for _, message := range found {
		text := func(name string) string { s, _ := message.Values[name].(string); return s }
		t.Entries = append(t.Entries, Entry{
			ID: message.ID, At: entryTime(message.ID), Who: text("who"), What: text("what"), Target: text("target"), Detail: text("detail"),
		})
	}
	if len(found) == auditPage {
		t.Next = found[len(found)-1].ID
	}
	return t, nil
}

// entryTime reads the time in a stream ID.
func entryTime(id string) time.Time {
	for i, c := range id {
		if c == '-' {
			ms, _ := strconv.ParseInt(id[:i], 10, 64)
			return time.UnixMilli(ms)
		}
	}
	return time.Time{}
}

package compat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/ratelimit"
	"github.com/navvy-go/navvy/jobs/session"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// none is the lifetime of a key without one, as go-redis returns it.
const none = time.Duration(-1)

// lifetime is a line of the table in docs/article.md, and a key that is made with the defaults.
type lifetime struct {
	useCase     string
	recommended string
	from, to    time.Duration // what the article recommends
	value       time.Duration
	constant    string
	key         string
	shortest    time.Duration // of the key, if it is not the value
	make        func(ctx context.Context, rdb *redis.Client) error
}

var lifetimes = []lifetime{
	{
		useCase: "page cache", recommended: "5–60 min", from: 5 * time.Minute, to: time.Hour,
		value: cache.DefaultPageTTL, constant: "`cache.DefaultPageTTL`",
		key: "cache:page:/", shortest: cache.DefaultPageTTL * 9 / 10, make: getPage,
	},
	{
		useCase: "cache-aside", recommended: "5–60 min", from: 5 * time.Minute, to: time.Hour,
		value: cache.DefaultTTL, constant: "`cache.DefaultTTL`",
		key: "user:profile:1", shortest: cache.DefaultTTL * 9 / 10, make: getProfile,
	},
	{
		useCase: "session", recommended: "24 h", from: 24 * time.Hour, to: 24 * time.Hour,
		value: session.DefaultAbsolute, constant: "`session.DefaultAbsolute`",
		key: "sessions:user:ada", make: login, // the index of a user lives as long as the last session may
	},
	{
		useCase: "session without use", recommended: "1 h", from: time.Hour, to: time.Hour,
		value: session.DefaultIdle, constant: "`session.DefaultIdle`", key: "session:*", make: login,
	},
	{
		useCase: "rate limit", recommended: "1–60 min", from: time.Minute, to: time.Hour,
		value: ratelimit.DefaultWindow, constant: "`ratelimit.DefaultWindow`", key: "rate_limit:ada", make: allow,
	},
	{
		useCase: "lock", recommended: "10–30 s", from: 10 * time.Second, to: 30 * time.Second,
		value: lockmgr.DefaultTTL, constant: "`lockmgr.DefaultTTL`", key: "lock:a", make: lock,
	},
	{useCase: "leaderboard", recommended: "long", from: none, to: none, value: none, key: "leaderboard:a", make: rank},
	{useCase: "streams", recommended: "none", from: none, to: none, value: none, key: "events:stream", make: track},
	{useCase: "streams", recommended: "none", from: none, to: none, value: none, key: "orders:queue", make: addOrder},
}

func getPage(ctx context.Context, rdb *redis.Client) error {
	c := cache.New(rdb, cache.Config{})
	defer c.Close()
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) }
	handler := cache.Pages(c, cache.PageConfig{URL: func(r *http.Request) string { return r.URL.Path }})(http.HandlerFunc(page))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	return nil
}

func getProfile(ctx context.Context, rdb *redis.Client) error {
	c := cache.New(rdb, cache.Config{})
	defer c.Close()
	_, err := cache.GetOrLoad(ctx, c, "user:profile:1", func(context.Context) (string, error) { return "Ada", nil })
	return err
}

func login(ctx context.Context, rdb *redis.Client) error {
	store, err := session.New(rdb, session.Config{})
	if err == nil {
		_, err = store.Create(ctx, "ada", nil)
	}
	return err
}

func allow(ctx context.Context, rdb *redis.Client) error {
	limiter, err := ratelimit.New(rdb, ratelimit.Limit{Rate: 100}, ratelimit.Options{Timeout: 5 * time.Second})
	if err == nil {
		_, err = limiter.Allow(ctx, "ada")
	}
	return err
}

func lock(ctx context.Context, rdb *redis.Client) error {
	locks := lockmgr.New(rdb)
	defer locks.Close() // the lock stays until its TTL ends
	_, err := locks.TryAcquire(ctx, "a")
	return err
}

func rank(ctx context.Context, rdb *redis.Client) error {
	return leaderboard.New(rdb, nil).Board("a").Set(ctx, "ada", 1)
}

func track(ctx context.Context, rdb *redis.Client) error {
	return analytics.New(rdb, analytics.Config{}).Track(ctx, analytics.Track{Event: "signup", UserID: "ada"})
}

func addOrder(ctx context.Context, rdb *redis.Client) error {
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.AddRaw(ctx, "orders:queue", "order_id", "o-1")
	return err
}

func TestDefaultLifetimesAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/article.md")
	must(t, err)
	rdb := redistest.New(t).Client(t)
	for _, l := range lifetimes {
		t.Run(l.key, func(t *testing.T) {
			row := fmt.Sprintf("| %s | %s | %s | %s |", l.useCase, l.recommended, inWords(l.value), l.constant)
			if !strings.Contains(string(doc), strings.ReplaceAll(row, "|  |", "| |")) {
				t.Errorf("docs/article.md has no line that begins with\n%s", row)
			}
			if l.value < l.from || l.value > l.to {
				t.Errorf("%s is not within %s to %s", l.value, l.from, l.to)
			}
			must(t, l.make(t.Context(), rdb))
			keys := rdb.Keys(t.Context(), l.key).Val()
			if len(keys) == 0 {
				t.Fatal("there is no such key")
			}
			shortest := l.value
			if l.shortest > 0 {
				shortest = l.shortest
			}
			ttl := rdb.PTTL(t.Context(), keys[0]).Val()
			if ttl > l.value+time.Second || ttl < shortest-shortest/10 {
				t.Errorf("%s lives %s, want %s to %s", keys[0], ttl, shortest, l.value)
			}
		})
	}
}

// inWords writes a lifetime as the table has it.
func inWords(d time.Duration) string {
	switch {
	case d == none:
		return "none"
	case d >= time.Hour:
		return fmt.Sprintf("%g h", d.Hours())
	case d >= time.Minute:
		return fmt.Sprintf("%g min", d.Minutes())
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

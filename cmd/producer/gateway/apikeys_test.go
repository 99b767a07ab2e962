package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/credentials"
)

// clock is what the gateway takes for the time.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// keysApp is a gateway with a clock, and the API keys in its Redis.
type keysApp struct {
	*app
	*clock
	store *apikey.Store
}

func newKeysApp(t *testing.T, change ...func(*gateway.Config)) keysApp {
	t.Helper()
	c := &clock{}
	a := newApp(t, append(change, func(cfg *gateway.Config) { cfg.Now = c.now })...)
	return keysApp{a, c, apikey.New(a.rdb, "")}
}

func (a keysApp) create(name string, life time.Duration, scopes ...string) (secret string) {
	a.Helper()
	asked := apikey.Request{Name: name, Scopes: scopes, Life: life, By: "ana"}
	secret, _, err := a.store.Create(a.Context(), asked, a.now())
	a.must(err)
	return secret
}

func (a keysApp) job(key string) ask {
	return ask{method: "POST", path: orderJobs, body: echoJob}.with("X-API-Key", key)
}

// commands is how many of a kind Redis has carried out.
func (a keysApp) commands(name string) (calls int64) {
	a.Helper()
	info := a.rdb.InfoMap(a.Context(), "commandstats").Item("Commandstats", "cmdstat_"+name)
	for field := range strings.SplitSeq(info, ",") {
		if text, ok := strings.CutPrefix(field, "calls="); ok {
			for _, digit := range text {
				calls = calls*10 + int64(digit-'0')
			}
		}
	}
	return calls
}

func TestAnAPIKeyLetsInUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key := a.create("shop", 0, "jobs:write:orders/debug.echo")
	a.gets(202, a.job(key))
	bearer := ask{method: "POST", path: orderJobs, body: echoJob, anonymous: true}.with("Authorization", "Bearer "+key)
	a.gets(202, bearer)
	other := a.job(key)
	other.body = failJob
	a.fails(403, "forbidden", other)
	a.fails(403, "forbidden", ask{method: "GET", path: orderJobs + "/x"}.with("X-API-Key", key))
	a.gets(202, a.job(a.key)) // that of the file counts as well
	_, err := a.store.Revoke(t.Context(), "shop")
	a.must(err)
	a.advance(2 * time.Second)
	a.fails(401, "unauthorized", a.job(key))
	if log := a.log.String(); !strings.Contains(log, `"caller":"apikey:shop"`) || strings.Contains(log, key) {
		t.Errorf("the log does not name the key's owner, or has the key: %s", log)
	}
}

func TestAStreamEndsWithItsAPIKey(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key := a.create("shop", 0, "jobs:write")
	response, lines := a.openLines(key)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("got %d", response.StatusCode)
	}
	_, err := a.store.Revoke(t.Context(), "shop")
	a.must(err)
	a.advance(2 * time.Second)
	_, err = lines.Write([]byte(echoJob + "\n"))
	a.must(err)
	a.must(lines.Close())
	text, err := io.ReadAll(response.Body)
	a.must(err)
	if !strings.Contains(string(text), "gateway.md#unauthorized") || !strings.Contains(string(text), `"enqueued":1`) {
		t.Errorf("got %s", text)
	}
}

func TestAnAPIKeyExpires(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key := a.create("shop", time.Hour, "jobs:write")
	a.gets(202, a.job(key))
	a.advance(time.Hour - time.Minute)
	a.gets(202, a.job(key))
	a.advance(time.Minute)
	a.fails(401, "unauthorized", a.job(key))
}

// While Redis is away no key can be looked up: that is no reason to say that it is wrong, nor to let it in.
func TestAPIKeysNeedRedis(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	flag := ask{method: "GET", path: "/v1/flags/f"}
	key := a.create("flags", 0, "flags:read")
	a.gets(200, flag.with("X-API-Key", key))
	a.server.Kill()
	a.gets(200, flag.with("X-API-Key", key)) // it was found just now
	a.advance(2 * time.Second)
	a.fails(503, "unavailable", flag.with("X-API-Key", key))
	a.fails(503, "unavailable", flag.with("X-API-Key", credentials.Random()))
	a.fails(401, "unauthorized", flag.with("X-API-Key", "navvy_wrong"))
	a.gets(200, flag) // the keys of the file are not in Redis
	a.must(a.server.Restart())
	a.eventually("back", func() bool { return a.do(flag.with("X-API-Key", key)).status != 503 })
}

func TestTheLastUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key := a.create("shop", 0, "jobs:write")
	last := func() time.Time {
		keys, err := a.store.List(t.Context())
		a.must(err)
		if keys[0].LastUse == nil {
			return time.Time{}
		}
		return *keys[0].LastUse
	}
	if !last().IsZero() {
		t.Errorf("an unused key was used at %s", last())
	}
	began := a.now().Truncate(time.Millisecond)
	for range 5 {
		a.gets(202, a.job(key))
	}
	a.eventually("its use is noted", func() bool { return !last().IsZero() })
	first := last()
	if first.Before(began) || first.After(a.now()) {
		t.Errorf("used at %s, not about %s", first, began)
	}
	a.advance(59 * time.Second)
	a.gets(202, a.job(key))
	a.advance(2 * time.Second)
	a.gets(202, a.job(key))
	a.eventually("a later use is noted", func() bool { return last().After(first) })
	if late := last().Sub(first); late < time.Minute {
		t.Errorf("the next use was noted after %s", late)
	}
}

// What has been found counts for two seconds, so that a request costs Redis nothing more than before.
func TestAKeyIsLookedUpOnceInTwoSeconds(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key, wrong := a.create("flags", 0, "flags:read"), credentials.Random()
	flag := ask{method: "GET", path: "/v1/flags/f"}
	a.gets(200, flag.with("X-API-Key", key))
	a.fails(401, "unauthorized", flag.with("X-API-Key", wrong))
	before := a.commands("hget")
	for range 20 {
		a.gets(200, flag.with("X-API-Key", key))
		a.fails(401, "unauthorized", flag.with("X-API-Key", wrong))
		a.fails(401, "unauthorized", flag.with("X-API-Key", "navvy_of_another_form"))
	}
	if after := a.commands("hget"); after != before {
		t.Errorf("%d lookups", after-before)
	}
}

// A flood of wrong keys fills neither memory nor Redis, and keeps out no key that was right before.
func TestAFloodOfWrongKeysIsHeldUp(t *testing.T) {
	t.Parallel()
	a := newKeysApp(t)
	key := a.create("flags", 0, "flags:read")
	flag := ask{method: "GET", path: "/v1/flags/f"}
	a.gets(200, flag.with("X-API-Key", key))
	before := a.commands("hget")
	var statuses [3]atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 60 {
				switch got := a.do(flag.with("X-API-Key", credentials.Random())); got.status {
				case 401:
					statuses[0].Add(1)
				case 429:
					statuses[1].Add(1)
				default:
					statuses[2].Add(1)
				}
			}
		})
	}
	all.Wait()
	looked := a.commands("hget") - before
	if looked < 100 || looked > 108 || statuses[0].Load() != looked || statuses[2].Load() != 0 {
		t.Errorf("%d were looked up, %d refused as wrong, %d as too many, %d otherwise", looked, statuses[0].Load(),
			statuses[1].Load(), statuses[2].Load())
	}
	got := a.fails(429, "rate-limited", flag.with("X-API-Key", credentials.Random()))
	if got.header.Get("Retry-After") == "" {
		t.Errorf("got %v", got.header)
	}
	a.advance(2 * time.Second)
	a.gets(200, flag.with("X-API-Key", key))
	a.advance(time.Minute)
	a.fails(401, "unauthorized", flag.with("X-API-Key", credentials.Random()))
}

// Keys of one name in two namespaces have nothing to do with each other.
func TestAPIKeysOfNamespacesAreApart(t *testing.T) {
	t.Parallel()
	server := newKeysApp(t)
	acme := appOn(t, server.server, func(c *gateway.Config) { c.Namespace = "acme" })
	theirs, _, err := apikey.New(server.rdb, "acme").Create(t.Context(),
		apikey.Request{Name: "shop", Scopes: []string{"jobs:write"}}, time.Now())
	server.must(err)
	ours := server.create("shop", 0, "jobs:write")
	server.fails(401, "unauthorized", server.job(theirs))
	acme.fails(401, "unauthorized", server.job(ours))
	once := map[string]string{"Idempotency-Key": "k-1"}
	for _, one := range []struct {
		a   *app
		key string
	}{{server.app, ours}, {acme, theirs}} {
		asked := ask{method: "POST", path: orderJobs, body: echoJob, header: once}.with("X-API-Key", one.key)
		if got := one.a.gets(202, asked); got.header.Get("Idempotency-Replayed") != "" {
			t.Error("the answer is that of another namespace")
		}
	}
}

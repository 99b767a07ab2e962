package apikey_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/redistest"
)

var began = time.Date(2030, 1, 2, 3, 4, 5, 6_000_000, time.UTC)

func newStore(t *testing.T) (store *apikey.Store, rdb *redis.Client, namespace string) {
	t.Helper()
	rdb, namespace = redistest.Shared(t).Client(t), redistest.Namespace()
	return apikey.New(rdb, namespace), rdb, namespace
}

func request(name string) apikey.Request {
	return apikey.Request{Name: name, Scopes: []string{"jobs:write:orders/mail.*"}, By: "ana", Life: time.Hour}
}

func create(t *testing.T, store *apikey.Store, r apikey.Request) (secret string) {
	t.Helper()
	secret, _, err := store.Create(t.Context(), r, began)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func idOf(t *testing.T, secret string) apikey.ID {
	t.Helper()
	id, ok := apikey.IDOf(secret)
	if !ok {
		t.Fatalf("%q is no key", secret)
	}
	return id
}

func TestAKeyIsFoundUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	secret := create(t, store, request("shop"))
	id := idOf(t, secret)
	found, ok, err := store.Find(t.Context(), id)
	if err != nil || !ok || found.Name != "shop" || found.CreatedBy != "ana" || !found.Created.Equal(began) ||
		len(found.Scopes) != 1 || found.Scopes[0] != "jobs:write:orders/mail.*" || found.Expired(began) ||
		found.Expired(began.Add(time.Hour-time.Millisecond)) || !found.Expired(began.Add(time.Hour)) {
		t.Errorf("%+v, %t, %v", found, ok, err)
	}
	if _, ok, err := store.Find(t.Context(), idOf(t, credentials.Random())); ok || err != nil {
		t.Errorf("another key: %t, %v", ok, err)
	}
	if err := store.Used(t.Context(), id, began); err != nil {
		t.Fatal(err)
	}
	was, err := store.Revoke(t.Context(), "shop")
	if err != nil || was.Name != "shop" || was.Scopes[0] != "jobs:write:orders/mail.*" {
		t.Errorf("%+v, %v", was, err)
	}
	if _, ok, err := store.Find(t.Context(), id); ok || err != nil {
		t.Errorf("after its end: %t, %v", ok, err)
	}
	if _, err := store.Revoke(t.Context(), "shop"); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if left := rdb.Keys(t.Context(), namespace+":*").Val(); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	create(t, store, request("shop")) // the name is free again
}

// Nothing in Redis is the key, nor what it could be guessed from.
func TestTheKeyItselfIsKeptNowhere(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	secret := create(t, store, request("shop"))
	for field, value := range rdb.HGetAll(t.Context(), namespace+":apikeys").Val() {
		if strings.Contains(field+value, secret[10:]) {
			t.Errorf("%s: %s", field, value)
		}
	}
}

func TestKeysAreListedByName(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	if keys, err := store.List(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("at first: %+v, %v", keys, err)
	}
	used := idOf(t, create(t, store, request("b")))
	forever := request("a")
	forever.Life = 0
	create(t, store, forever)
	damaged := idOf(t, create(t, store, request("c")))
	if err := rdb.HSet(t.Context(), namespace+":apikeys", "key:"+string(damaged), "{").Err(); err != nil {
		t.Fatal(err)
	}
	if err := store.Used(t.Context(), used, began.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	keys, err := store.List(t.Context())
	if err != nil || len(keys) != 3 {
		t.Fatalf("%+v, %v", keys, err)
	}
	a, b, c := keys[0], keys[1], keys[2]
	if a.Name != "a" || a.Expires != nil || a.LastUse != nil || a.Expired(began.Add(apikey.LongestLife)) {
		t.Errorf("%+v", a)
	}
	if b.Name != "b" || b.LastUse == nil || !b.LastUse.Equal(began.Add(time.Minute)) ||
		!b.Expires.Equal(began.Add(time.Hour)) {
		t.Errorf("%+v", b)
	}
	if c.Name != "c" || len(c.Scopes) != 0 {
		t.Errorf("%+v", c)
	}
	if _, ok, err := store.Find(t.Context(), damaged); ok || err != nil {
		t.Errorf("a damaged key: %t, %v", ok, err)
	}
	if _, err := store.Revoke(t.Context(), "c"); err != nil {
		t.Errorf("a damaged key cannot be revoked: %v", err)
	}
	if ttl := rdb.PTTL(t.Context(), namespace+":apikeys:used:"+string(used)).Val(); ttl <= 0 || ttl > apikey.UseKept {
		t.Errorf("the last use is kept for %s", ttl)
	}
}

func TestOneOfManyGetsAName(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	var mu sync.Mutex
	var made []string
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			secret, _, err := store.Create(t.Context(), request("shop"), began)
			if err != nil {
				if !errors.Is(err, apikey.ErrExists) {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, secret)
		})
	}
	all.Wait()
	if n := rdb.HLen(t.Context(), namespace+":apikeys").Val(); len(made) != 1 || n != 2 {
		t.Fatalf("%d were made, %d fields", len(made), n)
	}
	if _, ok, err := store.Find(t.Context(), idOf(t, made[0])); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	pipe := rdb.Pipeline()
	for n := range 2 * apikey.Most {
		pipe.HSet(t.Context(), namespace+":apikeys", fmt.Sprint("x:", n), "")
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Create(t.Context(), request("shop"), began); !errors.Is(err, apikey.ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	t.Parallel()
	store, rdb, namespace := newStore(t)
	for _, change := range []func(*apikey.Request){
		func(r *apikey.Request) { r.Name = "" },
		func(r *apikey.Request) { r.Name = "a b" },
		func(r *apikey.Request) { r.Name = "a:b" },
		func(r *apikey.Request) { r.Name = strings.Repeat("a", 65) },
		func(r *apikey.Request) { r.Name = "shop\n" },
		func(r *apikey.Request) { r.Scopes = nil },
		func(r *apikey.Request) { r.Scopes = []string{"jobs:write", "jobs:write:*"} },
		func(r *apikey.Request) { r.Scopes = slices.Repeat([]string{"jobs:write"}, 51) },
		func(r *apikey.Request) { r.Life = -time.Hour },
		func(r *apikey.Request) { r.Life = time.Second },
		func(r *apikey.Request) { r.Life = apikey.LongestLife + 1 },
	} {
		bad := request("shop")
		change(&bad)
		if _, _, err := store.Create(t.Context(), bad, began); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if n := rdb.Exists(t.Context(), namespace+":apikeys").Val(); n != 0 {
		t.Error("one was made")
	}
}

func TestWhatIsNoKeyByItsForm(t *testing.T) {
	t.Parallel()
	good := credentials.Random()
	if _, ok := apikey.IDOf(good); !ok {
		t.Error(good)
	}
	for _, bad := range []string{"", "navvy_", good[1:], good + "a", good[:len(good)-1], good[:20] + " " + good[21:],
		"NAVVY_" + good[6:], strings.Repeat("a", 1<<20)} {
		if id, ok := apikey.IDOf(bad); ok {
			t.Errorf("%.60q is %s", bad, id)
		}
	}
}

func TestARedisThatIsAwayIsNoAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	store := apikey.New(rdb, "")
	secret := create(t, store, request("shop"))
	server.Kill()
	_, ok, err := store.Find(t.Context(), idOf(t, secret))
	if ok || err == nil {
		t.Errorf("%t, %v", ok, err)
	}
	if _, err := store.List(t.Context()); err == nil {
		t.Error("a list of a Redis that is away")
	}
	if _, err := store.Revoke(t.Context(), "shop"); err == nil || errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("revoke: %v", err)
	}
	if _, _, err := store.Create(t.Context(), request("other"), began); err == nil {
		t.Error("a key was made")
	}
}

func TestLives(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"never": 0, "90d": 90 * 24 * time.Hour, "1d": 24 * time.Hour, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute,
		"3650d": apikey.LongestLife,
	} {
		if got, err := apikey.ParseLife(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", "0", "90", "-1d", "+1d", "1.5d", "1s", "-12h", "0d", "3651d", "70000d", "ever", "1d2h", "d",
	} {
		if got, err := apikey.ParseLife(bad); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("%q: %s, %v", bad, got, err)
		}
	}
}

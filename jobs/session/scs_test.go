package session_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

var (
	_ scs.CtxStore         = (*session.SCSStore)(nil)
	_ scs.IterableStore    = (*session.SCSStore)(nil)
	_ scs.IterableCtxStore = (*session.SCSStore)(nil)
)

// What scs' own tests ask of a store.
func TestSCSStore(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	store := session.SCS(rdb, redistest.Namespace()+":[a]*:")
	find := func(token, want string) {
		t.Helper()
		data, found, err := store.Find(token)
		if err != nil || found != (want != "") || string(data) != want {
			t.Errorf("Find(%.20q): %q, %t (%v), want %q", token, data, found, err, want)
		}
	}
	soon := time.Now().Add(time.Minute)
	must(t, store.Commit("a", []byte("one"), soon))
	find("a", "one")
	must(t, store.Commit("a", []byte("two"), soon))
	must(t, store.Commit("b", []byte{0, 255}, soon))
	find("a", "two")
	find("b", "\x00\xff")
	find("missing", "")
	find("", "")
	find(strings.Repeat("x", 1000), "")
	all, err := store.All()
	if err != nil || len(all) != 2 || !bytes.Equal(all["b"], []byte{0, 255}) {
		t.Errorf("All: %q (%v)", all, err)
	}
	must(t, store.Delete("a"))
	must(t, store.Delete("a"))
	find("a", "")
	must(t, store.Commit("b", []byte("x"), time.Now().Add(-time.Second)))
	find("b", "")
	if all, err := store.All(); err != nil || all == nil || len(all) != 0 {
		t.Errorf("All: %v (%v), want an empty map", all, err)
	}
	must(t, store.Commit("c", []byte("x"), time.Now().Add(20*time.Millisecond)))
	deadline := time.Now().Add(10 * time.Second)
	for found := true; found; {
		if _, found, err = store.Find("c"); err != nil || time.Now().After(deadline) {
			t.Fatalf("it does not expire (%v)", err)
		}
	}
}

func TestSCSItself(t *testing.T) {
	t.Parallel()
	manager := scs.New()
	manager.Store = session.SCS(redistest.Shared(t).Client(t), redistest.Namespace()+":")
	handler := manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		switch r.URL.Path {
		case "/login":
			must(t, manager.RenewToken(ctx))
			manager.Put(ctx, "user", "ada")
		case "/logout":
			must(t, manager.Destroy(ctx))
		}
		fmt.Fprint(w, manager.GetString(ctx, "user"))
	}))
	var cookie *http.Cookie
	ask := func(path, want string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if cookies := w.Result().Cookies(); len(cookies) > 0 {
			cookie = cookies[0]
		}
		if w.Body.String() != want {
			t.Errorf("%s: got %q, want %q", path, w.Body, want)
		}
	}
	ask("/", "")
	ask("/login", "ada")
	ask("/", "ada")
	n := 0
	must(t, manager.Iterate(t.Context(), func(ctx context.Context) error {
		n++
		if user := manager.GetString(ctx, "user"); user != "ada" {
			t.Errorf("iterated over %q", user)
		}
		return nil
	}))
	if n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	ask("/logout", "")
	ask("/", "")
}

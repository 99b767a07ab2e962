package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

func ExampleMiddleware() {
	rdb, done := exampleServer()
	defer done()
	store, err := session.New(rdb, session.Config{})
	if err != nil {
		panic(err)
	}
	key := []byte("32 secret bytes from the config.") // make one with: openssl rand 32
	sessions, err := session.Middleware(store, key)
	if err != nil {
		panic(err)
	}
	login := sessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// the password was right
		if err := session.FromContext(r.Context()).Login("ada"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	w := httptest.NewRecorder()
	login.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/login", http.NoBody))
	fmt.Println(w.Code, w.Result().Cookies()[0].Name)

	list, err := store.ListByUser(context.Background(), "ada")
	fmt.Println(len(list), err)
	n, err := store.RevokeUser(context.Background(), "ada")
	fmt.Println(n, err)
	// Output:
	// 200 __Host-session
	// 1 <nil>
	// 1 <nil>
}

func ExampleStore_Update() {
	rdb, done := exampleServer()
	defer done()
	ctx := context.Background()
	store, err := session.New(rdb, session.Config{})
	if err != nil {
		panic(err)
	}
	s, err := store.Create(ctx, "ada", map[string]any{"theme": "light"})
	if err != nil {
		panic(err)
	}
	s, err = store.Update(ctx, s.ID, func(s *session.Session) error {
		s.Metadata["theme"] = "dark"
		return nil
	})
	fmt.Println(s.UserID, s.Metadata, err)
	// Output: ada map[theme:dark] <nil>
}

// exampleServer stands for the application's own Redis.
func exampleServer() (redis.UniversalClient, func()) {
	dir, err := os.MkdirTemp("", "navvy-example-")
	if err != nil {
		panic(err)
	}
	server, err := redistest.Start(dir)
	if err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	return rdb, func() {
		_ = rdb.Close()
		server.Kill()
		_ = os.RemoveAll(dir)
	}
}

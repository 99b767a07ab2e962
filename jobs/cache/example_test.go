package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

func ExampleGetOrLoad() {
	server, done := exampleServer()
	defer done()
	c := cache.New(server, cache.Config{})
	defer c.Close()

	type profile struct {
		Name string `json:"name"`
	}
	fromDatabase := func(context.Context) (profile, error) {
		fmt.Println("loading")
		return profile{Name: "Ada"}, nil
	}
	for range 2 {
		p, err := cache.GetOrLoad(context.Background(), c, "user:profile:42", fromDatabase, cache.Tags("users"))
		fmt.Println(p.Name, err)
	}
	removed, err := c.InvalidateTags(context.Background(), "users")
	fmt.Println(removed, err)
	// Output:
	// loading
	// Ada <nil>
	// Ada <nil>
	// 1 <nil>
}

func ExamplePages() {
	server, done := exampleServer()
	defer done()
	c := cache.New(server, cache.Config{})
	defer c.Close()

	products := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=900, stale-while-revalidate=60")
		fmt.Fprint(w, "products")
	})
	handler := cache.Pages(c, cache.PageConfig{})(products)
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/products", http.NoBody))
		fmt.Println(w.Header().Get("X-Cache"), w.Body)
	}
	// Output:
	// MISS products
	// HIT products
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

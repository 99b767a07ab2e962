package idemhttp_test

import (
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/idemhttp"
)

func ExampleMiddleware() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	locks := lockmgr.New(rdb)
	defer locks.Close()

	pay := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated) // charged once for each key, however often the client asks
	})
	once := idemhttp.Middleware(locks, idemhttp.Config{
		Required: true,
		Tenant:   func(r *http.Request) string { user, _, _ := r.BasicAuth(); return user },
	})
	http.Handle("POST /payments", once(pay))
}

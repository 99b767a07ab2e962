package notify_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/notify"
	"github.com/navvy-go/navvy/queue"
)

func ExampleSubscribe() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	hub, err := notify.NewHub(rdb)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close()

	sub, err := notify.Subscribe[notify.Notification](ctx, hub, notify.UserChannel("42"), notify.Buffer{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	for {
		event, err := sub.Next(ctx)
		switch {
		case err != nil:
			return // the hub was closed
		case event.Gap != nil:
			fmt.Println("something may be missing since", event.Gap.From)
		case event.Err != nil:
			fmt.Println("another program's message:", event.Payload)
		default:
			fmt.Println(event.Message.Title)
		}
	}
}

// In the browser: new EventSource("/notifications").onmessage = e => show(JSON.parse(e.data))
func ExampleNewSSE() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	hub, err := notify.NewHub(rdb)
	if err != nil {
		fmt.Println(err)
		return
	}
	userOf := func(r *http.Request) (string, bool) {
		cookie, err := r.Cookie("user") // signed, in an application that means it
		if err != nil {
			return "", false
		}
		return notify.UserChannel(cookie.Value), true
	}
	mux := http.NewServeMux()
	mux.Handle("GET /notifications", notify.NewSSE(hub, userOf, notify.SSEConfig{}))
	server := &http.Server{Addr: ":8080", Handler: mux}
	server.RegisterOnShutdown(func() { _ = hub.Close() }) // or Shutdown would wait for every browser
	fmt.Println(server.ListenAndServe())
}

func ExampleSend() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	job := notify.Send{UserID: "42", Type: "order", Title: "Your order is on its way"}
	if _, err := client.Enqueue(ctx, job); err != nil {
		fmt.Println(err)
	}
}

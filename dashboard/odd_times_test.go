package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// oddNumbers are times and counts, in ms, that another program may have written.
var oddNumbers = []string{
	"-inf", "-9223372036854775808", "-62135596800001", "-1", "0", "9007199254740993", "253402300799999", "253402300800000",
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "1e300", "inf",
}

// writeOdd makes a queue in which everything that is a number is that one.
func writeOdd(t *testing.T, rdb *redis.Client, namespace, number string) {
	t.Helper()
	key := func(companion string) string { return namespace + ":{orders}" + companion }
	whole := number // where Redis or JSON knows no other
	if strings.ContainsAny(number, "inf") {
		whole = "1e300"
	}
	enqueue(t, rdb, namespace, "orders", "{}")
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	at := time.Date(9999, 12, 30, 23, 59, 59, 0, time.UTC)
	if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte("{}")), queue.On("orders"), queue.At(at)); err != nil {
		t.Fatal(err)
	}
	pipe := rdb.Pipeline()
	for _, set := range []string{":delayed", ":retrying"} {
		pipe.HSet(t.Context(), key(":bodies"), "j"+set, fmt.Sprintf(`1 %d k{"enqueued_ms":%s}{}`, 16+len(whole), whole))
		pipe.Do(t.Context(), "ZADD", key(set), number, "j"+set)
	}
	const worker = "w-1#abcdef"
	pipe.Do(t.Context(), "ZADD", key(":workers"), number, worker)
	pipe.HSet(t.Context(), key(":worker:"+worker), "worker", "w-1", "started_ms", whole, "lease_ms", whole, "slots", whole,
		"running", whole, "max_crashes", whole, "pid", whole)
	pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key(":dead"), Values: []string{"id", "d", "kind", "k", "data", "{}",
		"meta", `{"attempt":` + whole + `}`, "error", "sick", "reason", "attempts spent", "died_ms", whole}})
	pipe.XGroupCreateMkStream(t.Context(), key(""), "workers", "0")
	pipe.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "workers", Consumer: worker, Streams: []string{key(""), ">"}})
	pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key(""), Values: []string{"id", "w", "kind", "k", "data", "{}",
		"meta", `{"enqueued_ms":` + whole + `}`}})
	pipe.Set(t.Context(), key(":paused"), `{"by":"x","at_ms":`+whole+`}`, 0)
	pipe.HSet(t.Context(), key(":totals"), "done", whole, "scheduled", whole, "dead", whole)
	minute := time.Now().Unix() / 60
	for _, stats := range []string{fmt.Sprint(":stats:", minute), fmt.Sprint(":stats:h:", minute/60), ":metrics"} {
		pipe.HSet(t.Context(), key(stats), "done", whole, "run_us", whole, "run:3", whole, "wait:12", whole, "waiting", whole)
	}
	pipe.HSet(t.Context(), key(":job:kept"), "kind", "k", "data", "{}", "ended_ms", whole, "took_us", whole, "attempt", whole)
	_, _ = pipe.Exec(t.Context()) // Redis itself refuses some of them
}

// No page and no answer breaks over a number, and the process goes on.
func TestOddNumbersBreakNoPage(t *testing.T) {
	t.Parallel()
	paths := []string{
		"/", "/queues", "/workers", "/redis", "/locks", "/pending?queue=orders", "/waiting?queue=orders",
		"/delayed?queue=orders", "/delayed?queue=orders&state=retrying", "/dead?queue=orders",
		"/queues/orders/jobs/kept", "/queues/orders/jobs/d", "/queues/orders/jobs/j:delayed", "/queues/orders/jobs/w",
	}
	for _, number := range oddNumbers {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
			writeOdd(t, rdb, namespace, number)
			server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
			found := 0
			for _, path := range paths {
				for _, prefix := range []string{"", "/api/v1"} {
					answer := do(t, server.Client(), http.MethodGet, server.URL+prefix+path, nil)
					if answer.StatusCode >= http.StatusInternalServerError {
						t.Errorf("%s%s: %d %.300s", prefix, path, answer.StatusCode, answer.body)
					}
					if answer.StatusCode == http.StatusOK {
						found++
					}
				}
			}
			if found < len(paths) {
				t.Errorf("only %d pages were found", found)
			}
		})
	}
}

package dashboard_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// get fetches an address as a program does.
func get(t *testing.T, server *httptest.Server, path string) (int, string) {
	t.Helper()
	got := do(t, browser(t), http.MethodGet, server.URL+path, nil, "Accept", "application/json")
	return got.StatusCode, got.body
}

func TestDeepDataIsLeftOut(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for id, data := range map[string]string{
		"deep":   strings.Repeat("[", 9900) + strings.Repeat("]", 9900),
		"wide":   strings.Repeat("[", 60) + "1" + strings.Repeat(",1", 100_000) + strings.Repeat("]", 60),
		"large":  `"` + strings.Repeat("x", 900_000) + `"`,
		"honest": `{"order_id":"o-1"}`,
	} {
		job := queue.JSON("k", []byte(data))
		_, err := client.Enqueue(t.Context(), job, queue.On("q"), queue.ID(id))
		_, errOfDelayed := client.Enqueue(t.Context(), job, queue.On("q"), queue.In(time.Hour))
		if err := errors.Join(err, errOfDelayed); err != nil {
			t.Fatal(err)
		}
	}
	server := board(t, dashboard.Config{Auth: dashboard.Open{}, Redis: rdb, Namespace: namespace})
	for id, want := range map[string]string{
		"deep": "are not shown here", "large": "are not shown here", "honest": "order_id", "wide": "1,1,1",
	} {
		if page := shows(t, server, "/queues/q/jobs/"+id, want); len(page) > 2<<20 {
			t.Errorf("the page of job %s has %d bytes", id, len(page))
		}
		if _, text := get(t, server, "/api/v1/queues/q/jobs/"+id); len(text) > 2<<20 {
			t.Errorf("the JSON of job %s has %d bytes", id, len(text))
		}
	}
	for _, list := range []string{"waiting", "delayed"} {
		if _, text := get(t, server, "/api/v1/"+list+"?queue=q"); len(text) > 100_000 {
			t.Errorf("the JSON of %s has %d bytes", list, len(text))
		}
		if page := shows(t, server, "/"+list+"?queue=q", "of data", "order_id"); len(page) > 100_000 {
			t.Errorf("the page of %s has %d bytes", list, len(page))
		}
	}
}

func TestLongFiltersAreRefused(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "q", `{}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	for _, filter := range []string{strings.Repeat("args.a:b+", 17), strings.Repeat("x", 3000), "args." +
		strings.Repeat("a.", 40) + "b:c"} {
		if status, text := get(t, server, "/api/v1/waiting?queue=q&q="+filter); status != http.StatusBadRequest {
			t.Errorf("a filter of %d bytes: %d %s", len(filter), status, text)
		}
	}
	if status, _ := get(t, server, "/api/v1/waiting?queue="+strings.Repeat("q", 5000)); status != http.StatusBadRequest {
		t.Errorf("a long address: %d", status)
	}
}

func TestThousandsOfQueuesHavePages(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	junk := make([]any, 0, 80_000)
	for n := range 40_000 {
		junk = append(junk, fmt.Sprintf("junk-%05d", n), "{}")
	}
	must(t, rdb.HSet(t.Context(), namespace+":queues", junk...).Err())
	enqueue(t, rdb, namespace, "orders", `{"order_id":"o-1"}`)
	must(t, rdb.ZAdd(t.Context(), namespace+":{orders}:workers", redis.Z{Member: "w#1", Score: 9e15}).Err())
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	if page := shows(t, server, "/queues", ">orders<", "of 40001", "first=100"); len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	shows(t, server, "/queues?first=40000", "junk-39999")
	shows(t, server, "/", ">orders<")
	shows(t, server, "/waiting?queue=orders", "o-1")
	shows(t, server, "/waiting?queue=junk-30000", "junk-30000")
}

func TestEmptyQueueIsForgottenByAnOperator(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	must(t, rdb.HSet(t.Context(), namespace+":queues", "junk", "{}").Err())
	enqueue(t, rdb, namespace, "orders", `{}`)
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	shows(t, server, "/queues", "/queues/forget")
	if status, text := act(t, server, "/queues/forget", "queue", "junk"); status != http.StatusPreconditionRequired {
		t.Errorf("unconfirmed: %d %s", status, text)
	}
	if status, text := act(t, server, "/queues/forget", "queue", "junk", "confirm", "junk"); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if status, text := act(t, server, "/queues/forget", "queue", "orders", "confirm",
		"orders"); status != http.StatusConflict {
		t.Errorf("with a job: %d %s", status, text)
	}
	if page := shows(t, server, "/queues", "orders"); strings.Contains(page, "queue=junk") {
		t.Error("it is still there")
	}
}

func TestOneViewerLeavesLiveStreamsForOthers(t *testing.T) {
	t.Parallel()
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Auth: dashboard.Tokens{Credentials: read}})
	status := func(token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live", nil)
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := browser(t).Do(request)
		must(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		return response.StatusCode
	}
	for range 20 {
		if got := status(tokens["vera"]); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
	}
	if got := status(tokens["vera"]); got != http.StatusTooManyRequests {
		t.Errorf("the 21st: %d", got)
	}
	if got := status(tokens["olga"]); got != http.StatusOK {
		t.Errorf("another user: %d", got)
	}
}

func TestOneUserWaitsWhileAnotherIsAnswered(t *testing.T) {
	t.Parallel()
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Auth: dashboard.Tokens{Credentials: read}})
	ask := func(token string) time.Duration {
		began := time.Now()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/sessions", nil)
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := browser(t).Do(request)
		must(t, err)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusUnauthorized {
			t.Fatal("not let in")
		}
		return time.Since(began)
	}
	began := time.Now()
	for range 120 {
		ask(tokens["vera"])
	}
	if took := time.Since(began); took < time.Second { // 60 at once, and 60 at 40 in a second
		t.Errorf("120 requests of one user took %s", took)
	}
	if late := ask(tokens["olga"]); late > time.Second {
		t.Errorf("another user has waited for %s", late)
	}
}

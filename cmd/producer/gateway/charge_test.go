package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
)

func TestLargeBodyCountsAsManyRequests(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 1, 10 })
	large := fmt.Sprintf(`{"kind":"debug.echo","data":"%s"}`, strings.Repeat("y", 400<<10))
	small := `{"kind":"debug.echo","data":1}`
	for k, test := range []struct {
		body string
		want int
	}{{large, 202}, {large, 429}, {small, 202}} { // 7 of 10; one of the other 3 and 6 more: too many; one
		if got := a.do(ask{method: "POST", path: orderJobs, body: test.body}); got.status != test.want {
			t.Errorf("%d: got %d %s", k, got.status, got.body)
		}
	}
}

func TestWrongLinesOfAStreamAreHeldToTheRate(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 40, 20 })
	began := time.Now()
	_, last := a.stream(strings.Repeat("{\"kind\":\"debug.echo\"}\n", 80))
	if took := time.Since(began); last.Lines != 80 || last.Enqueued != 0 || took < time.Second {
		t.Errorf("%d wrong lines took %s, at 40 a second", last.Lines, took)
	}
}

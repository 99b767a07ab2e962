package dashboard

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

func TestCacheHasABoundInBytes(t *testing.T) {
	t.Parallel()
	var c cache
	keep := func(key string, size int) {
		l := list{Found: inspect.SearchPage{JobPage: inspect.JobPage{Jobs: make([]inspect.JobInfo, 4)}}}
		for k := range l.Found.Jobs {
			l.Found.Jobs[k].Data = []byte(strings.Repeat("x", size/4))
		}
		c.get(t.Context(), key, time.Now, func(context.Context) (any, error) { return l, nil })
	}
	for n := range 200 {
		keep(strings.Repeat("k", n+1), 1<<20)
	}
	if n := len(c.seen); c.bytes > cacheBytes || c.bytes < cacheBytes/2 || n < 16 || n > 32 {
		t.Errorf("%d readings of 1 MiB, %d bytes", n, c.bytes)
	}
	before := len(c.seen)
	if keep("large", 8<<20); len(c.seen) != before {
		t.Error("a reading of 8 MiB was kept")
	}
	sum := 0
	for _, one := range c.seen {
		sum += one.bytes
	}
	if sum != c.bytes {
		t.Errorf("%d bytes are kept, %d counted", sum, c.bytes)
	}
}

func TestParametersThatMeanNothingAreNotPassedOn(t *testing.T) {
	t.Parallel()
	query, _ := url.ParseQuery("queue=q&queue=r&x=1&cursor=&q=a%3Ab")
	if got := waitingPage.asked(query).Encode(); got != "q=a%3Ab&queue=q" {
		t.Errorf("got %s", got)
	}
}

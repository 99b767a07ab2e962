package gateway_test

import (
	"strings"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
)

func TestQueuesThatCouldBeMistakenAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"orders", "orders:eu-1", "a.b_c", "9", strings.Repeat("q", 128)} {
		if err := gateway.CheckQueue(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{
		"",
		"a b", "$(id)", "`id`", "a;b", "a|b", "a'b", `a"b`, "a\nb", "a\n", "ordérs", "оrders", "a/b", "../a", "a\u202eb",
		"\x1b[31m", "{a}", "a%00", strings.Repeat("q", 129),
	} {
		if gateway.CheckQueue(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// A job for a queue of such a name is refused by each door, and no queue is made.
func TestNoQueueIsMadeOfAnOddName(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, name := range []string{"%24%28id%29", "a%20b", "a%0Ab", "a%27b", "%D0%BErders"} {
		a.gets(422, ask{
			method: "POST", path: "/v1/queues/" + name + "/jobs", body: `{"kind":"debug.echo","data":1}`,
		})
	}
	if queues := a.rdb.HKeys(t.Context(), "navvy:queues").Val(); len(queues) > 0 {
		t.Errorf("queues %v", queues)
	}
}

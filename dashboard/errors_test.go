package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
)

// reply is an error that Redis has sent.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestPagesShowNothingOfTheInside(t *testing.T) {
	t.Parallel()
	var _ redis.Error = reply("")
	var number int
	mistyped := json.Unmarshal([]byte(`"secret"`), &number)
	for want, err := range map[string]error{
		"Redis does not answer.": fmt.Errorf("read: %w",
			&net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 3)}, Err: errors.New("connection refused")}),
		"Redis refuses it: WRONGTYPE.":                   fmt.Errorf("a: %w", reply("WRONGTYPE a key of secret")),
		"Redis refuses it: NOPERM.":                      reply("NOPERM User 'secret' has no permissions"),
		"What Redis holds cannot be read.":               fmt.Errorf("a: %w", mistyped),
		"q is no cursor":                                 BadRequest("q is no cursor"),
		"a: no such job":                                 fmt.Errorf("a: %w", inspect.ErrNotFound),
		"the monitor is stopping: ask again in a moment": errStopping,
		"a: data is too large: nothing was changed":      fmt.Errorf("a: %w", inspect.ErrTooLarge),
	} {
		if got := shownText(err); got != want {
			t.Errorf("%v is shown as %q, want %q", err, got, want)
		}
	}
}

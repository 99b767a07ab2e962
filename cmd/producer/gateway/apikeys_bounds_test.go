package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/problem"
)

// Whatever is sent from wherever, what is remembered of keys is bounded.
func TestWhatIsRememberedOfKeysIsBounded(t *testing.T) {
	t.Parallel()
	keys, now := newAPIKeys(nil, Config{}), time.Now()
	for n := range 3 * addressesMost {
		id := apikey.ID(fmt.Sprint(n))
		keys.keepWrong(id, fmt.Sprint("10.0.", n), now)
		keys.keepRight("right"+id, apikey.Key{}, now)
	}
	if len(keys.wrong) > wrongMost || len(keys.from) > addressesMost || len(keys.right) > rightMost {
		t.Errorf("%d wrong keys, %d addresses, %d right keys", len(keys.wrong), len(keys.from), len(keys.right))
	}
}

// A key that was right is looked up from any address; one that was revoked since is strange there.
func TestAStrangeKeyWaitsWhereManyWereWrong(t *testing.T) {
	t.Parallel()
	keys, now := newAPIKeys(nil, Config{}), time.Now()
	const known, fresh, address = apikey.ID("known"), apikey.ID("fresh"), "10.0.0.1"
	keys.keepRight(known, apikey.Key{}, now)
	for n := range strangeMost {
		keys.keepWrong(apikey.ID(fmt.Sprint(n)), address, now)
	}
	later := now.Add(keyRemembered)
	if key, strange, err := keys.remembered(known, address, later); key != nil || strange || err != nil {
		t.Errorf("one that was right: %v, %t, %v", key, strange, err)
	}
	var refusal *problem.Document
	if _, _, err := keys.remembered(fresh, address, later); !errors.As(err, &refusal) || refusal.RetryAfter != 58 {
		t.Errorf("a strange one: %v", err)
	}
	if _, strange, err := keys.remembered(fresh, "10.0.0.2", later); !strange || err != nil {
		t.Errorf("from elsewhere: %t, %v", strange, err)
	}
	keys.keepWrong(known, address, later)
	if _, _, err := keys.remembered(known, address, later.Add(keyRemembered)); !errors.As(err, &refusal) {
		t.Errorf("one that was revoked: %v", err)
	}
	if _, _, err := keys.remembered(fresh, address, now.Add(strangeWhile)); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

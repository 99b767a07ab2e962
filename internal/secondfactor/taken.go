package secondfactor

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// takenFor is how long it is kept that a code of an app was taken. The code is right for a minute and a half; a day is
// for monitors whose clocks differ.
const takenFor = 24 * time.Hour

// Taken keeps in Redis which codes were taken, for all that share it.
type Taken struct{ rdb redis.UniversalClient }

// NewTaken returns what was taken. rdb stays the caller's to close.
func NewTaken(rdb redis.UniversalClient) Taken { return Taken{rdb} }

// Take reports whether a code is given for the first time, and how many recovery codes are left if it is one of them.
// A call that was sent again after a lost reply reports that it was not: the person gives another code.
func (t Taken) Take(ctx context.Context, p Proof) (first bool, left int, err error) {
	if p.Recovery() {
		first, left, err = t.takeRecovery(ctx, p)
	} else {
		first, err = t.rdb.SetNX(ctx, fmt.Sprintf("totp:%s:%d", p.factor, p.step), 1, takenFor).Result()
	}
	if err != nil {
		return false, 0, fmt.Errorf("secondfactor: take a code: %w", err)
	}
	return first, left, nil
}

func (t Taken) takeRecovery(ctx context.Context, p Proof) (first bool, left int, err error) {
	key, pipe := "totp:"+p.factor+":recovery", t.rdb.Pipeline()
	added, all := pipe.SAdd(ctx, key, p.recovery), pipe.SCard(ctx, key)
	if err := redisx.Execute(ctx, pipe); err != nil {
		return false, 0, err
	}
	return added.Val() == 1, max(p.codes-int(all.Val()), 0), nil
}

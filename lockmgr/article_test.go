package lockmgr_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
)

// python is where Debian's python3-redis is importable, or the python3 of the PATH.
func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

func TestPythonsLockAndOursExcludeEachOther(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	const rounds = 500 // for each: 1,000 alternations
	host, port, _ := strings.Cut(redistest.Shared(t).Addr, ":")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	peer := exec.CommandContext(ctx, python(), "testdata/article_lock.py", host, port, name, "500")
	var complaint strings.Builder
	peer.Stderr = &complaint
	done := make(chan struct{})
	var said []byte
	var peerErr error
	go func() {
		defer close(done)
		said, peerErr = peer.Output()
		cancel() // no peer is left to hand over the turn
	}()
	rdb.RPush(ctx, name+":turn:go", "")
	refused := 0
	for round := range rounds {
		n, err := turn(ctx, locks, rdb, name, round%100 == 99)
		if err != nil {
			t.Errorf("round %d: %v", round, err)
			break
		}
		refused += n
	}
	<-done
	if peerErr != nil {
		t.Fatalf("python (it needs python3-redis): %v\n%s", peerErr, complaint.String())
	}
	if count := rdb.Get(t.Context(), name+":count").Val(); count != "1000" {
		t.Errorf("the counter is at %s after 1,000 turns", count)
	}
	theirs := strings.TrimSpace(string(said))
	t.Logf("1,000 alternations; Go found the lock held %d times, Python %s times", refused, theirs)
	if refused == 0 || theirs == "0" {
		t.Error("one of them was never kept out, so nothing is shown")
	}
}

// turn does what the peer does. It looks every half millisecond, or waits as [lockmgr.Manager.Acquire] does.
func turn(
	ctx context.Context, locks *lockmgr.Manager, rdb *redis.Client, name string, wait bool,
) (refused int, err error) {
	if err := rdb.BLPop(ctx, 30*time.Second, name+":turn:go").Err(); err != nil {
		return 0, err
	}
	take := locks.TryAcquire
	if wait {
		take = locks.Acquire
	}
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	lock, err := take(ctx, name)
	for ; errors.Is(err, lockmgr.ErrNotAcquired) && ctx.Err() == nil; lock, err = take(ctx, name) {
		refused++
		<-tick.C
	}
	if err != nil {
		return refused, err
	}
	if inside, err := rdb.SetArgs(ctx, name+":inside", "go", redis.SetArgs{Get: true}).Result(); inside != "" {
		return refused, errors.Join(errors.New(inside+" was inside with the lock of go"), err)
	}
	count, err := rdb.Get(ctx, name+":count").Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		return refused, err
	}
	rdb.RPush(ctx, name+":turn:python", "")
	rdb.Set(ctx, name+":count", count+1, 0)
	if inside, err := rdb.SetArgs(ctx, name+":inside", "", redis.SetArgs{Get: true}).Result(); inside != "go" {
		return refused, errors.Join(errors.New("another came in"), err)
	}
	return refused, lock.Release(ctx)
}

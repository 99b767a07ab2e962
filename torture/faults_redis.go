package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/navvy-go/navvy/torture/internal/pause"
)

// Faults of Redis itself hit everybody.

// killRedis ends Redis at once and starts it again on its append-only file a moment later.
func killRedis(ctx context.Context, a *arena, rng *rand.Rand) {
	a.redisDown.Lock()
	defer a.redisDown.Unlock()
	note := ""
	l := line{Said: saidFault, Fault: faultRedis, At: time.Now().UnixNano()}
	a.server.Kill()
	pause.For(ctx, between(rng, 10*time.Millisecond, a.lease*3/2))
	for try := 1; ; try++ { // its port may be somebody's outgoing connection for a moment
		err := a.server.Restart()
		if err == nil {
			break
		}
		if note = fmt.Sprintf("restart %d: %v", try, err); try == 10 {
			break
		}
		pause.For(context.WithoutCancel(ctx), 200*time.Millisecond)
	}
	l.Until, l.Note = time.Now().UnixNano(), note
	a.book.write(l)
}

func sleepRedis(ctx context.Context, a *arena, rng *rand.Rand) {
	a.redisDown.Lock()
	defer a.redisDown.Unlock()
	long := between(rng, a.lease/10, a.lease*5/4)
	a.lasting(faultSleep, "", long.String(), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), long+5*time.Second)
		defer cancel()
		a.command(ctx, "DEBUG", "SLEEP", long.Seconds())
	})
}

func killClients(ctx context.Context, a *arena, _ *rand.Rand) {
	a.lasting(faultClients, "", "", func() { a.command(ctx, "CLIENT", "KILL", "TYPE", "normal") })
}

func flushScripts(ctx context.Context, a *arena, _ *rand.Rand) {
	a.lasting(faultScripts, "", "", func() { a.command(ctx, "SCRIPT", "FLUSH") })
}

// fillMemory makes Redis refuse whatever needs memory.
func fillMemory(ctx context.Context, a *arena, rng *rand.Rand) {
	a.redisDown.Lock() // a restart would undo it halfway
	defer a.redisDown.Unlock()
	a.lasting(faultMemory, "", "", func() {
		a.command(ctx, "CONFIG", "SET", "maxmemory", "1")
		pause.For(ctx, between(rng, 200*time.Millisecond, 1500*time.Millisecond))
		a.command(context.WithoutCancel(ctx), "CONFIG", "SET", "maxmemory", "0")
	})
}

// command sends a fault's command straight to Redis. What it replies, and whether Redis was up, does not matter: the
// fault is then a smaller one.
func (a *arena) command(ctx context.Context, args ...any) { _ = a.rdb.Do(ctx, args...).Err() }

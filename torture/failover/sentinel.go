package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	settle     = 3 * time.Second // what follows a step is looked at for so long
	promotedIn = time.Minute
	instant    = 200 * time.Millisecond // the step is noted before and after what it does
	frozenFor  = 8 * time.Second
	divideFor  = 5 * time.Second // after the promotion
)

// sentinelWorld is a master with one replica, later two, watched by three Sentinels.
type sentinelWorld struct {
	*world
	s    *redistest.Sentinels
	near network
}

// playSentinel runs the steps of a deployment with Sentinel.
func playSentinel(ctx context.Context, dir, only string, out io.Writer) ([]*row, *aside, error) {
	clocks, err := redistest.NewClocks(dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := redistest.StartSentinels(ctx, dir, clocks.Start)
	if err != nil {
		return nil, nil, err
	}
	defer s.Kill()
	w := &sentinelWorld{s: s}
	w.world = &world{name: "sentinel", queues: []string{"a", "b"}, nears: true, only: only,
		out: out, probe: &probe{ask: w.master},
		open: func(side string) redis.UniversalClient {
			options := &redis.FailoverOptions{MasterName: redistest.SentinelMaster, SentinelAddrs: s.Addrs(),
				Password: s.Servers[0].Password}
			if side == near {
				options.Dialer = w.near.dial
			}
			return redis.NewFailoverClient(options)
		}}
	return w.play(ctx, w.all)
}

// master finds the server that the Sentinels name and that takes a write.
func (w *sentinelWorld) master(ctx context.Context) (string, error) {
	master, err := w.s.Master(ctx)
	if err != nil {
		return "", err
	}
	return master.Addr, command(ctx, master, "SET", "probe", "")
}

func (w *sentinelWorld) all(ctx context.Context) error {
	for _, next := range []struct {
		name string
		do   func(context.Context, *step) error
	}{
		{"SENTINEL FAILOVER", w.planned},
		{"kill -9 of the master", w.kill},
		{"all servers are frozen", w.freeze},
		{"split brain", func(ctx context.Context, s *step) error {
			s.divided = true
			return w.divide(ctx, s)
		}},
		{"split brain, min-replicas-to-write 1", w.divideGuarded},
		{"full memory", w.full},
		{"clock +10 min", func(ctx context.Context, s *step) error { return w.clock(ctx, s, 10*time.Minute) }},
		{"clock -10 min", func(ctx context.Context, s *step) error { return w.clock(ctx, s, 0) }},
		{"clock -1 h while no worker lives", w.clockWithoutWorkers},
	} {
		if err := w.step(ctx, next.name, "", func(s *step) error { return next.do(ctx, s) }); err != nil {
			return err
		}
	}
	return nil
}

// command sends a command straight to a server.
func command(ctx context.Context, server *redistest.Server, args ...any) error {
	rdb := server.Open()
	defer rdb.Close()
	if err := rdb.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("%v at %s: %w", args[:min(len(args), 3)], server.Addr, err)
	}
	return nil
}

// planned is what a person does before maintenance. For some time two servers are masters: until the Sentinels have
// seen the new one they name the old one. The old one is made a replica after 8 s.
func (w *sentinelWorld) planned(ctx context.Context, s *step) error {
	old, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.loss = span{now(), now() + int64(promotedIn)}
	if err := w.s.Failover(ctx); err != nil {
		return err
	}
	if _, err := w.s.AwaitOther(ctx, old); err != nil {
		return err
	}
	s.promoted = now()
	s.loss.to = s.promoted + int64(silenceBound)
	pause.For(ctx, settle)
	return w.s.Settled(ctx)
}

// kill loses what the master had not sent to its replica yet.
func (w *sentinelWorld) kill(ctx context.Context, s *step) error {
	old, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	at := now()
	s.loss = span{at - int64(instant), at + int64(instant)}
	old.Kill()
	master, err := w.s.AwaitOther(ctx, old)
	if err != nil {
		return err
	}
	s.promoted = now()
	s.away = span{at, s.promoted}
	pause.For(ctx, settle)
	if err := old.Restart(); err != nil {
		return err
	}
	return w.follow(ctx, old, master)
}

// follow makes a server a replica of the master, and waits until all is in order.
func (w *sentinelWorld) follow(ctx context.Context, server, master *redistest.Server) error {
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return err
	}
	if err := command(ctx, server, "REPLICAOF", host, port); err != nil {
		return err
	}
	if err := server.AwaitReplica(ctx); err != nil {
		return err
	}
	return w.s.Settled(ctx)
}

// freeze stops all servers of data for longer than a page of the dashboard waits for Redis. The Sentinels may begin a
// failover as soon as they are back.
func (w *sentinelWorld) freeze(ctx context.Context, s *step) error {
	master, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	at := now()
	s.loss = span{at - int64(instant), at + int64(promotedIn)}
	thawed, err := frozen(ctx, w.s.Servers)
	if err != nil {
		return err
	}
	if err := redistest.Wait(ctx, promotedIn, "a master takes writes", func(ctx context.Context) bool {
		return command(ctx, master, "SET", "probe", "") == nil
	}); err != nil {
		return err
	}
	s.promoted = now()
	s.away, s.loss.to = span{at, thawed}, s.promoted+int64(silenceBound)
	pause.For(ctx, settle)
	return w.s.Settled(ctx)
}

// frozen stops servers for a while, and returns when they began to go on: what they answer from then on is right, also
// before they take writes again.
func frozen(ctx context.Context, servers []*redistest.Server) (thawed int64, err error) {
	for _, server := range servers {
		if err := syscall.Kill(server.PID(), syscall.SIGSTOP); err != nil {
			return 0, err
		}
	}
	pause.For(ctx, frozenFor)
	thawed = now()
	for _, server := range servers {
		if err := syscall.Kill(server.PID(), syscall.SIGCONT); err != nil {
			return 0, err
		}
	}
	return thawed, nil
}

// divide cuts the master and the clients on its side off from its replicas, the Sentinels and all others.
func (w *sentinelWorld) divide(ctx context.Context, s *step) error {
	old, err := w.s.Master(ctx)
	if err != nil {
		return err
	}
	s.loss = span{now(), now() + int64(promotedIn)}
	w.near.cut(old.Addr)
	if err := command(ctx, old, "ACL", "SETUSER", redistest.Peer, "off"); err != nil {
		return err
	}
	if err := command(ctx, old, "CLIENT", "KILL", "USER", redistest.Peer); err != nil {
		return err
	}
	master, err := w.s.AwaitOther(ctx, old)
	if err != nil {
		return err
	}
	s.promoted = now()
	s.nearLoss = span{s.loss.from, now() + int64(time.Hour)}
	s.loss.to = s.promoted + int64(silenceBound)
	pause.For(ctx, divideFor)
	w.near.heal()
	if err := command(ctx, old, "ACL", "SETUSER", redistest.Peer, "on"); err != nil {
		return err
	}
	if len(w.s.Servers) == 2 {
		if _, err := w.s.AddReplica(ctx, master); err != nil {
			return err
		}
	}
	pause.For(ctx, settle)
	err = w.follow(ctx, old, master)
	s.nearLoss.to = now()
	return err
}

// divideGuarded does so with the recommended settings: the master refuses when it has no replica.
func (w *sentinelWorld) divideGuarded(ctx context.Context, s *step) error {
	for _, server := range w.s.Servers {
		for name, value := range map[string]string{"min-replicas-to-write": "1", "min-replicas-max-lag": "2"} {
			if err := command(ctx, server, "CONFIG", "SET", name, value); err != nil {
				return err
			}
		}
	}
	if err := w.divide(ctx, s); err != nil {
		return err
	}
	for _, server := range w.s.Servers {
		if err := command(ctx, server, "CONFIG", "SET", "min-replicas-to-write", "0"); err != nil {
			return err
		}
	}
	return nil
}

package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Starter starts a server, such as [Start] and [Clocks.Start] do.
type Starter func(dir string, args ...string) (*Server, error)

// startIn starts a server in a new directory below dir.
func startIn(dir, name string, start Starter, args ...string) (*Server, error) {
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o700); err != nil {
		return nil, err
	}
	return start(own, args...)
}

// Wait waits until a condition holds, and returns an error when it does not within so long.
func Wait(ctx context.Context, long time.Duration, what string, holds func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("redistest: not within %s: %s", long, what)
		}
	}
	return nil
}

// Open returns a client of the server, to be closed by the caller.
func (s *Server) Open() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr, Password: s.Password, DialerRetries: 1})
}

// with does something with a client of the server.
func (s *Server) with(do func(*redis.Client) error) error {
	rdb := s.Open()
	defer rdb.Close()
	return do(rdb)
}

// SentinelMaster is by what the Sentinels of [StartSentinels] know the master.
const SentinelMaster = "m"

// Peer is the user that Sentinels and replicas are to servers, and its password. A server that has it turned off is out
// of their reach, while its clients, the default user with another password, go on.
const Peer = "peer"

const clientPassword = "client"

// Sentinels is a master with replicas, watched by three Sentinels, of which two must agree.
type Sentinels struct {
	Servers []*Server // of data: first the master that was
	Watch   []*Server // the Sentinels

	mu    sync.Mutex // guards Servers between Master and AddReplica
	dir   string
	start Starter
	args  []string
}

// StartSentinels starts a master, a replica and the Sentinels, in directories below dir. They take a master for dead
// that is silent for a second. args are for the servers of data.
func StartSentinels(ctx context.Context, dir string, start Starter, args ...string) (s *Sentinels, err error) {
	args = append([]string{
		"--repl-diskless-sync-delay", "0", "--masteruser", Peer, "--masterauth", Peer,
		"--requirepass", clientPassword, "--user", Peer, "on", ">" + Peer, "~*", "&*", "+@all",
	}, args...)
	s = &Sentinels{dir: dir, start: start, args: args}
	defer func() {
		if err != nil {
			s.Kill()
		}
	}()
	master, err := startIn(dir, "data0", start, args...)
	if err != nil {
		return s, err
	}
	master.Password = clientPassword
	s.Servers = append(s.Servers, master)
	if _, err := s.AddReplica(ctx, master); err != nil {
		return s, err
	}
	for i := range 3 {
		if err := s.addSentinel(i, master); err != nil {
			return s, err
		}
	}
	return s, Wait(ctx, time.Minute, "the Sentinels find each other and the replica", func(ctx context.Context) bool {
		return s.agree(ctx, len(s.Watch))
	})
}

// agree reports whether every Sentinel has found the others, and a replica that is in order.
func (s *Sentinels) agree(ctx context.Context, sentinels int) bool {
	for _, server := range s.Watch {
		sentinel := redis.NewSentinelClient(&redis.Options{Addr: server.Addr})
		replicas, _ := sentinel.Replicas(ctx, SentinelMaster).Result()
		others, _ := sentinel.Sentinels(ctx, SentinelMaster).Result()
		_ = sentinel.Close()
		if len(replicas) != len(s.Servers)-1 || len(others) != sentinels-1 {
			return false
		}
		for _, replica := range replicas {
			if replica["flags"] != "slave" || replica["master-link-status"] != "ok" {
				return false
			}
		}
	}
	return true
}

func (s *Sentinels) addSentinel(i int, master *Server) error {
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return err
	}
	own := filepath.Join(s.dir, "sentinel"+strconv.Itoa(i))
	if err := os.Mkdir(own, 0o700); err != nil {
		return err
	}
	server, err := StartSentinel(own, fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 2\n"+
		"sentinel down-after-milliseconds %[1]s 2000\nsentinel failover-timeout %[1]s 10000\n"+
		"sentinel auth-user %[1]s %[4]s\nsentinel auth-pass %[1]s %[4]s\n", SentinelMaster, host, port, Peer))
	if err == nil {
		s.Watch = append(s.Watch, server)
	}
	return err
}

// StartSentinel starts a Sentinel with a text as its file. The caller ends it.
func StartSentinel(dir, config string) (*Server, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	return start(binary, dir, func(port string) []string {
		return []string{file, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--sentinel"}
	})
}

// AddReplica starts another replica of a master, and waits until it has the master's data.
func (s *Sentinels) AddReplica(ctx context.Context, master *Server) (*Server, error) {
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return nil, err
	}
	args := append([]string{"--replicaof", host, port}, s.args...)
	replica, err := startIn(s.dir, "data"+strconv.Itoa(len(s.Servers)), s.start, args...)
	if err != nil {
		return nil, err
	}
	replica.Password = clientPassword
	s.mu.Lock()
	s.Servers = append(s.Servers, replica)
	s.mu.Unlock()
	return replica, replica.AwaitReplica(ctx)
}

// AwaitReplica waits until a server is a replica that has its master's data.
func (s *Server) AwaitReplica(ctx context.Context) error {
	return s.with(func(rdb *redis.Client) error {
		return Wait(ctx, time.Minute, s.Addr+" is in step with its master", func(ctx context.Context) bool {
			return strings.Contains(rdb.Info(ctx, "replication").Val(), "master_link_status:up")
		})
	})
}

// Addrs are the addresses of the Sentinels.
func (s *Sentinels) Addrs() (addrs []string) {
	for _, server := range s.Watch {
		addrs = append(addrs, server.Addr)
	}
	return addrs
}

// Master returns the server that most Sentinels name as the master.
func (s *Sentinels) Master(ctx context.Context) (*Server, error) {
	votes := map[string]int{}
	for _, watcher := range s.Watch {
		sentinel := redis.NewSentinelClient(&redis.Options{Addr: watcher.Addr})
		named, err := sentinel.GetMasterAddrByName(ctx, SentinelMaster).Result()
		_ = sentinel.Close()
		if err == nil && len(named) == 2 {
			votes[net.JoinHostPort(named[0], named[1])]++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.Servers {
		if votes[server.Addr] > len(s.Watch)/2 {
			return server, nil
		}
	}
	return nil, errors.New("redistest: most Sentinels name no master")
}

// AwaitOther waits until most Sentinels name another master than the old one.
func (s *Sentinels) AwaitOther(ctx context.Context, old *Server) (master *Server, err error) {
	err = Wait(ctx, time.Minute, "the Sentinels name another master", func(ctx context.Context) bool {
		master, _ = s.Master(ctx)
		return master != nil && master != old
	})
	return master, err
}

// Failover makes a replica the master, as a person does before maintenance. It returns while that is under way.
func (s *Sentinels) Failover(ctx context.Context) error {
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: s.Watch[0].Addr})
	defer sentinel.Close()
	return Wait(ctx, time.Minute, "a Sentinel begins the failover", func(ctx context.Context) bool {
		return sentinel.Failover(ctx, SentinelMaster).Err() == nil
	})
}

// Settled waits until all Sentinels find every server but the master a replica that is in order.
func (s *Sentinels) Settled(ctx context.Context) error {
	return Wait(ctx, time.Minute, "the Sentinels find all replicas in order", func(ctx context.Context) bool {
		return s.agree(ctx, len(s.Watch))
	})
}

// Kill ends all servers.
func (s *Sentinels) Kill() {
	for _, server := range append(s.Watch, s.Servers...) {
		server.Kill()
	}
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/testserver"
	"github.com/navvy-go/navvy/queue"
)

// program is a gateway or a monitor that runs.
type program struct {
	name  string
	url   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// stage is what is attacked.
type stage struct {
	dir      string
	server   *redistest.Server
	rdb      *redis.Client
	gateway  *program
	monitor  *program
	secrets  map[string]string // by name
	honest   []*honest
	attacked map[string]*counts
	shares   []float64 // of the processors, one for each round
}

func newStage(ctx context.Context, bin string) (*stage, error) {
	dir, err := os.MkdirTemp("", "navvy-hostile-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, secrets: map[string]string{}, attacked: map[string]*counts{}}
	if err := s.start(ctx, bin); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, bin string) (err error) {
	if s.server, err = redistest.Start(s.dir); err != nil {
		return err
	}
	s.rdb = redis.NewClient(&redis.Options{Addr: s.server.Addr})
	file := filepath.Join(s.dir, "credentials")
	if err := s.credentials(file); err != nil {
		return err
	}
	if s.gateway, err = s.run(ctx, filepath.Join(bin, "producer"), file); err != nil {
		return err
	}
	s.monitor, err = s.run(ctx, filepath.Join(bin, "monitor"), file)
	return err
}

// credentials lets in two honest ones and some that are not.
func (s *stage) credentials(file string) error {
	var lines []string
	for _, one := range []struct {
		kind        credentials.Kind
		name, grant string
	}{
		{credentials.Key, "shop", "jobs:write:orders*,jobs:read:orders*,orders:write"},
		{credentials.Key, "mallory", "jobs:write,jobs:read,events:write"},
		{credentials.Key, "morgan", "jobs:write"},
		{credentials.Key, "moriarty", "jobs:write"},
		{credentials.Token, "vera", "viewer"},
		{credentials.Token, "mallet", "viewer"},
	} {
		secret, line, err := credentials.NewSecret(one.kind, one.name, one.grant)
		if err != nil {
			return err
		}
		s.secrets[one.name] = secret
		lines = append(lines, line)
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

func (s *stage) run(ctx context.Context, path, file string) (*program, error) {
	port, err := testserver.FreePort()
	if err != nil {
		return nil, err
	}
	addr := "127.0.0.1:" + strconv.Itoa(port)
	p := &program{name: filepath.Base(path), url: "http://" + addr, ended: make(chan struct{})}
	p.cmd = exec.Command(path, "serve", "--addr", addr, "--credentials", file)
	p.cmd.Env = append(os.Environ(), "REDIS_URL="+s.server.URL())
	log, err := os.Create(filepath.Join(s.dir, p.name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); pause(ctx, 50*time.Millisecond) {
		if response, err := http.Get(p.url + "/healthz"); err == nil {
			_ = response.Body.Close()
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s does not answer", p.name)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// peak is the most memory that was resident.
func (p *program) peak() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "VmHWM:" {
			kib, _ := strconv.ParseInt(words[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// cpu is the time that processors have spent on it.
func (p *program) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(words[11])
	system, _ := strconv.Atoi(words[12])
	return time.Duration(user+system) * (time.Second / 100) // the kernel counts in hundredths for programs
}

// redisCPU is the time that processors have spent on Redis.
func (s *stage) redisCPU() time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	text, _ := s.rdb.Info(ctx, "cpu").Result() // "" shows as none
	total := 0.0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, _ := strconv.ParseFloat(value, 64)
			total += seconds
		}
	}
	return time.Duration(total * float64(time.Second))
}

func (p *program) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (s *stage) close() {
	for _, p := range []*program{s.gateway, s.monitor} {
		if p != nil {
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	}
	if s.rdb != nil {
		_ = s.rdb.Close()
	}
	if s.server != nil {
		s.server.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// prepare fills Redis with what earlier attacks have left: thousands of queues, large jobs and deep ones.
func (s *stage) prepare(ctx context.Context) error {
	client, err := queue.NewClient(s.rdb, queue.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()
	put := func(name, id, data string) {
		if err == nil {
			_, err = client.Enqueue(ctx, queue.JSON("debug.echo", []byte(data)), queue.On(name), queue.ID(id))
		}
	}
	put("orders", "honest", `{"order_id":"o-1"}`)
	put("deep", "deep", strings.Repeat("[", 9900)+strings.Repeat("]", 9900))
	for n := range 10 {
		put("big", fmt.Sprint("small-", n), `1`)
	}
	for n := range 200 {
		put("big", fmt.Sprint("big-", n), `{"a":"`+strings.Repeat("y", 900_000)+`"}`)
	}
	junk := make([]any, 0, 80_000)
	for n := range 39_000 {
		junk = append(junk, fmt.Sprint("junk-", n), "{}")
	}
	if err != nil {
		return err
	}
	if err := s.rdb.HSet(ctx, queue.DefaultNamespace+":queues", junk...).Err(); err != nil {
		return err
	}
	s.honest = s.honestCallers()
	return nil
}

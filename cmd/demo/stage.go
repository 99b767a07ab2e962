package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// stage is where the programs of the demo play.
type stage struct {
	opts      options
	url       string // of Redis
	namespace string // "" leaves it to the environment
	gateway   string // its URL
	out       *console
	failed    context.CancelCauseFunc
	running   []*process // in the order of their start
}

const monitorTimeout = 15 * time.Second

// open starts the gateway, the monitor and the worker, and says where the monitor is.
func (s *stage) open(ctx context.Context) error {
	address, err := freeAddress(s.opts.addr)
	if err != nil {
		return err
	}
	if err := s.openGateway(ctx); err != nil {
		return err
	}
	if err := s.start("monitor", "serve", "--auth", "none", "--addr", address); err != nil {
		return err
	}
	worker := []string{"run", "--gateway", s.gateway, "--gateway-timeout", gatewayPatience}
	if s.opts.count > 0 { // jobs of cron entries would be counted among what was produced
		worker = append(worker, "--periodic=false")
	}
	if err := s.start("worker", worker...); err != nil {
		return err
	}
	if err := awaitMonitor(ctx, address); err != nil {
		return err
	}
	s.out.line("demo", "monitor at http://"+address)
	return nil
}

// show lets the programs run until ctx ends or one of them does.
func (s *stage) show(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.start("producer", "simulate"); err != nil {
		return err
	}
	s.out.line("demo", "press Ctrl-C to stop")
	if err := s.pulse(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// start runs a program that is not meant to end by itself: if it does, the demo fails.
func (s *stage) start(name string, args ...string) error {
	p, err := start(s.out, name, s.command(name, args...), func(p *process) {
		s.failed(fmt.Errorf("%s ended by itself: %s", p.name, p.cmd.ProcessState))
	})
	if err != nil {
		return fmt.Errorf("%w; run make build", err)
	}
	s.running = append(s.running, p)
	return nil
}

func (s *stage) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.opts.bin, name), args...)
	cmd.Env = append(os.Environ(), "REDIS_URL="+s.url, "NAVVY_LOG_FORMAT=console")
	if s.namespace != "" {
		cmd.Env = append(cmd.Env, "NAVVY_NAMESPACE="+s.namespace)
	}
	return cmd
}

// close stops what runs, the last started first: nothing new comes in while the worker finishes what it has.
func (s *stage) close(killing context.Context) error {
	var err error
	for _, p := range slices.Backward(s.running) {
		err = errors.Join(err, p.stop(killing))
	}
	return err
}

func awaitMonitor(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, monitorTimeout, errors.New("the monitor does not answer"))
	defer cancel()
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return false, err
		}
		response, err := client.Do(request)
		if err != nil {
			return false, nil
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
}

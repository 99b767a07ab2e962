package main

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopTimeout bounds how long a process is waited for after SIGTERM: longer than the worker's own grace period.
const stopTimeout = 40 * time.Second

// process is a running program. Its output goes to the console line by line.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of the exit, once exited is closed

	mu   sync.Mutex
	last string // line on stdout
}

// start runs a program until stop is called or it ends by itself, of which ended (may be nil) is then notified.
func start(out *console, name string, cmd *exec.Cmd, ended func(*process)) (*process, error) {
	p := &process{name: name, cmd: cmd, exited: make(chan struct{})}
	stdout := &lines{emit: func(line string) {
		p.remember(line)
		out.line(name, line)
	}}
	stderr := &lines{emit: func(line string) { out.line(name, line) }}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		stdout.flush()
		stderr.flush()
		close(p.exited)
		if ended != nil {
			ended(p)
		}
	}()
	return p, nil
}

func (p *process) remember(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = line
}

// lastLine is the last line that the process wrote on stdout.
func (p *process) lastLine() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// stop asks the process to end and waits for it; when killing ends first, or it takes too long, the process is killed.
// The error is how it ended.
func (p *process) stop(killing context.Context) error {
	killing, cancel := context.WithTimeout(killing, stopTimeout)
	defer cancel()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-killing.Done():
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	if p.err == nil || p.endedBy(syscall.SIGTERM) {
		return nil
	}
	return fmt.Errorf("%s ended with: %w", p.name, p.err)
}

// endedBy reports whether the signal itself ended the process: it came before the program was ready to handle it.
func (p *process) endedBy(signal syscall.Signal) bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

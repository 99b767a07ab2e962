package compat_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// peer is a process of the system's Python that has the article's classes.
//
// Why: docs/decisions/features.md#compatibility-is-tested-against-the-articles-own-classes-run-by-python
type peer struct {
	t       *testing.T
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	said    strings.Builder // on stderr
	mu      sync.Mutex      // one call at a time
}

// python is where Debian's python3-redis is importable, or the python3 of the PATH.
func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

// newPeer starts Python for one test. The article takes the day from the local clock: here that is UTC.
func newPeer(t *testing.T, server *redistest.Server) *peer {
	t.Helper()
	host, port, _ := strings.Cut(server.Addr, ":")
	p := &peer{t: t, process: exec.Command(python(), "-B", "testdata/server.py", host, port)}
	p.process.Env = append(os.Environ(), "TZ=UTC", "PYTHONPATH=../lockmgr/testdata")
	p.process.Stderr = &p.said
	p.process.SysProcAttr = redistest.DieWithParent()
	var err error
	p.in, err = p.process.StdinPipe()
	must(t, err)
	out, err := p.process.StdoutPipe()
	must(t, err)
	p.out = bufio.NewReader(out)
	must(t, p.process.Start())
	t.Cleanup(p.end)
	p.object("Clock").call(nil, "start") // from here on it answers at once
	return p
}

// end lets Python end at the end of its input.
func (p *peer) end() {
	_ = p.in.Close()
	_ = p.process.Wait()
	if p.said.Len() > 0 {
		p.t.Errorf("python (it needs python3-redis): %s", p.said.String())
	}
}

// kill ends Python as a crash would.
func (p *peer) kill() {
	_ = p.process.Process.Kill()
	_ = p.process.Wait()
}

// object is an object of one of the article's classes; two with the same init are the same.
type object struct {
	peer  *peer
	class string
	init  []any
}

func (p *peer) object(class string, init ...any) *object {
	if init == nil {
		init = []any{}
	}
	return &object{peer: p, class: class, init: init}
}

// request is a line to testdata/server.py.
type request struct {
	Class  string `json:"class"`
	Init   []any  `json:"init"`
	Method string `json:"method"`
	Args   []any  `json:"args"`
	Times  int    `json:"times"`
}

// call calls a method once, and decodes what it returned into result, unless that is nil.
func (o *object) call(result any, method string, args ...any) {
	o.peer.t.Helper()
	results, err := o.repeat(1, method, args...)
	if err == nil && result != nil {
		err = json.Unmarshal(results[0], result)
	}
	if err != nil {
		o.peer.t.Fatalf("%s.%s: %v", o.class, method, err)
	}
}

// repeat calls a method so many times, and returns what each call returned. It may be called by any goroutine.
func (o *object) repeat(times int, method string, args ...any) ([]json.RawMessage, error) {
	if args == nil {
		args = []any{}
	}
	line, err := json.Marshal(request{o.class, o.init, method, args, times})
	if err != nil {
		return nil, err
	}
	o.peer.mu.Lock()
	defer o.peer.mu.Unlock()
	if _, err := o.peer.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("python (it needs python3-redis): %w", err)
	}
	said, err := o.peer.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("python (it needs python3-redis): %w", err)
	}
	var reply struct {
		Results []json.RawMessage
		Error   string
	}
	if err := json.Unmarshal(said, &reply); err != nil {
		return nil, err
	}
	if reply.Error != "" {
		return nil, errors.New(reply.Error)
	}
	return reply.Results, nil
}

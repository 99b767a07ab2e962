package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"syscall"
	"time"

	"github.com/navvy-go/navvy/internal/testserver"
)

// monitor is a real one, in a process of its own.
type monitor struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
	logged chan struct{} // closed when it has said its last
}

// startMonitor starts a monitor that everybody on this machine may use.
func startMonitor(binary, redisURL string) (*monitor, error) {
	m := &monitor{client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 20}},
		logged: make(chan struct{})}
	m.cmd = exec.Command(binary, "--redis", redisURL, "--log-format", "json", "serve", "--auth", "none", "--addr",
		"127.0.0.1:0")
	m.cmd.SysProcAttr = testserver.DieWithParent(nil, syscall.SIGKILL)
	said, err := m.cmd.StderrPipe()
	if err == nil {
		err = m.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("scale: start the monitor: %w", err)
	}
	lines := bufio.NewScanner(said)
	for m.url == "" && lines.Scan() {
		var line struct{ URL string }
		_ = json.Unmarshal(lines.Bytes(), &line)
		m.url = line.URL
	}
	if m.url == "" {
		_ = m.cmd.Wait()
		return nil, errors.New("scale: the monitor ended before it listened")
	}
	go func() {
		defer close(m.logged)
		_, _ = io.Copy(io.Discard, said)
	}()
	return m, nil
}

func (m *monitor) stop() {
	m.client.CloseIdleConnections()
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	<-m.logged
	_ = m.cmd.Wait()
}

// get reads a page to its end.
func (m *monitor) get(ctx context.Context, path string, want int) (body []byte, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+path, nil)
	if err != nil {
		return nil, 0, err
	}
	return m.do(request, want)
}

func (m *monitor) do(request *http.Request, want int) (body []byte, took time.Duration, err error) {
	began := time.Now()
	answer, err := m.client.Do(request)
	if err == nil {
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
	}
	took = time.Since(began)
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("status %d, want %d: %.200s", answer.StatusCode, want, body)
	}
	if err != nil {
		err = fmt.Errorf("scale: %s %s: %w", request.Method, request.URL.Path, err)
	}
	return body, took, err
}

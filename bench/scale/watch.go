package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	browsers  = 5
	cpuAtMost = 0.01 // of a CPU, what an open dashboard costs Redis
)

// watched is what an open page cost.
type watched struct {
	name  string
	cpu   float64 // share of one CPU of Redis
	reads int64
}

// watch keeps a page open in some browsers, each of which reads it again at each tick, as the dashboard's script does.
// The share is of the time after all are connected, without what an idle Redis uses.
func watch(ctx context.Context, m *monitor, p probe, page address, d time.Duration, idle float64) (watched, error) {
	ctx, stop := context.WithCancel(ctx)
	var open sync.WaitGroup
	var reads atomic.Int64
	failed := make(chan error, browsers)
	for range browsers {
		open.Go(func() {
			if err := browse(ctx, m, page, &reads); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	result, err := measure(ctx, p, d, &reads, failed)
	if err == nil && result.cpu > cpuAtMost && d < time.Minute {
		// What is read once a minute, such as what the dead died of, does not fall into the next window as well.
		result, err = measure(ctx, p, d, &reads, failed)
	}
	stop()
	open.Wait()
	result.name = page.name
	result.cpu = max(0, result.cpu-idle)
	return result, err
}

func measure(ctx context.Context, p probe, d time.Duration, reads *atomic.Int64, failed <-chan error) (watched, error) {
	if err := wait(ctx, 2*time.Second); err != nil {
		return watched{}, err
	}
	before, err := p.cpu(ctx)
	if err != nil {
		return watched{}, err
	}
	began, readBefore := time.Now(), reads.Load()
	if err := wait(ctx, d); err != nil {
		return watched{}, err
	}
	after, err := p.cpu(ctx)
	select {
	case failure := <-failed:
		err = errors.Join(err, failure)
	default:
	}
	return watched{cpu: float64(after-before) / float64(time.Since(began)), reads: reads.Load() - readBefore}, err
}

// browse follows the ticks until ctx ends.
func browse(ctx context.Context, m *monitor, page address, reads *atomic.Int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+"/live", nil)
	if err != nil {
		return err
	}
	live := &http.Client{Transport: &http.Transport{}}
	defer live.CloseIdleConnections()
	stream, err := live.Do(request)
	if err != nil {
		return fmt.Errorf("scale: open the stream of ticks: %w", err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "event: tick") {
			continue
		}
		again, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+page.path, nil)
		if err != nil {
			return err
		}
		again.Header.Set("X-Live", "1")
		if _, _, err := m.do(again, page.status); err != nil {
			return err
		}
		reads.Add(1)
	}
	return lines.Err()
}

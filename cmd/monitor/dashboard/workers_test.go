package dashboard_test

import (
	"context"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue"
)

func TestWorkersPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	shows(t, server, "/workers?first", "No worker")
	enqueue(t, rdb, "", "orders", `{"password":"hunter2"}`)
	enqueue(t, rdb, "", "events", `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	began, free := make(chan struct{}, 2), make(chan struct{})
	mux := queue.NewMux()
	mux.HandleKind("k", func(context.Context, *queue.Run) error {
		began <- struct{}{}
		<-free
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Name: "alice", Queues: map[string]queue.QueueConfig{"orders": {}, "events": {}}, Concurrency: 7,
	})
	must(t, err)
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(ctx) }()
	<-began
	<-began
	var crew struct {
		Processes []struct {
			Name, Host string
			PID, Slots int
			Running    int
			Heartbeat  queue.Heartbeat
			Queues     []queue.WorkerInfo
			Jobs       []queue.JobInfo
		}
	}
	if !eventually(t, func() bool {
		tells(t, server, "/workers", &crew)
		return len(crew.Processes) == 1 && crew.Processes[0].Running == 2
	}) {
		t.Fatalf("got %+v", crew)
	}
	p := crew.Processes[0]
	if p.Name != "alice" || p.Slots != 7 || p.PID == 0 || p.Heartbeat != queue.HeartbeatAlive || len(p.Queues) != 2 || len(p.Jobs) != 2 {
		t.Errorf("got %+v", p)
	}
	if page := shows(t, server, "/workers", "alice", "alive", "2/7", "lease"); strings.Contains(page, "hunter2") {
		t.Error("the page shows a job's data")
	}
	close(free)
	cancel()
	<-stopped
}

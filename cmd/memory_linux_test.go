package cmd_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// container is the memory that deploy/kubernetes gives the monitor.
const container = 256 << 20

// plainMonitor builds the monitor as it is deployed: with the race detector it needs much more memory.
func plainMonitor(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/monitor"
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./monitor").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// peak is the most memory of a program that was resident.
func (s *server) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "VmHWM:" {
			kib, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the kernel does not say")
	return 0
}

// Neither lists of large jobs, asked for in many ways, nor a small job that is nested deep, need more memory than there
// is.
func TestWhatIsLookedAtFitsIntoAContainer(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t)
	large := make([]string, 60)
	for k := range large {
		large[k] = `{"order_id":"x","cents":1,"pad":"` + strings.Repeat("y", 1_000_000) + `"}`
	}
	jobsOn(t, redis, "big", large...)
	jobsOn(t, redis, "deep", strings.Repeat("[", 9900)+strings.Repeat("]", 9900))
	monitor := serves(t, redis, plainMonitor(t), "--auth", "none")
	get := func(path, accept string) string {
		status, text := monitor.ask(t, http.MethodGet, path, nil, "Accept", accept)
		if status != http.StatusOK || len(text) > 2<<20 {
			t.Errorf("%s: status %d, %d bytes", path, status, len(text))
		}
		return text
	}
	get("/waiting?queue=big", "text/html")
	for n := range 20 {
		get(fmt.Sprint("/api/v1/waiting?queue=big&x=", n), "application/json")
	}
	for _, path := range []string{"/queues/deep/jobs/job-0", "/waiting?queue=deep"} {
		if text := get(path, "text/html"); !strings.Contains(text, "not shown here") && !strings.Contains(text, "of data") {
			t.Errorf("%s does not say that something is left out", path)
		}
		get("/api/v1"+path, "application/json")
	}
	if peak := monitor.peak(t); peak > container {
		t.Errorf("the monitor has needed %d MiB", peak>>20)
	}
}

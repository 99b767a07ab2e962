package navvy_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

type Welcome struct{ Email string }

func (Welcome) Kind() string { return "mail.welcome" }

func Example() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	_, err = client.Enqueue(ctx, Welcome{"ada@example.org"}, queue.On("mail"))
	check(err)
	mux := queue.NewMux()
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[Welcome]) error {
		return send(ctx, job.Args.Email) // nil: done; an error: again, later
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"mail": {}}})
	check(err)
	check(worker.Run(ctx)) // until ctx ends
}

func send(_ context.Context, to string) error {
	_, err := fmt.Println("welcome,", to)
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// TestReadme holds the README's program against the one above, which compiles.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```go\n")
	shown, _, _ = strings.Cut(shown, "```")
	declarations, body, split := strings.Cut(shown, "\n\n")
	body = "\t" + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n\t"), "\n\t\n", "\n\n")
	if !split || !strings.Contains(string(source), body) {
		t.Errorf("example_test.go does not have the README's:\n%s", body)
	}
	for line := range strings.Lines(declarations) {
		if !strings.Contains(string(source), strings.TrimSpace(line)) {
			t.Errorf("example_test.go does not have the README's: %s", line)
		}
	}
}

// TestTheProgramsOfTheGuideCompile vets the whole program that docs/sdk.md begins with, and runs its tests.
func TestTheProgramsOfTheGuideCompile(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("docs/sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, command := range map[string][]string{
		"## A whole program": {"go", "vet", "main.go"}, "## Testing": {"go", "test", "mail_test.go"},
	} {
		_, program, _ := strings.Cut(string(guide), heading+"\n")
		_, program, _ = strings.Cut(program, "```go\n")
		program, _, _ = strings.Cut(program, "```")
		file := filepath.Join(t.TempDir(), command[2])
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), command[0], command[1], file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", heading, err, out)
		}
	}
}

package command

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/httpserver"
)

// served is a program that serves HTTP, and what its flags said.
func served(args string) (got Server, status int, says string) {
	app, _, errs := program(func(c *cli.Context) (err error) {
		got, err = ReadServer(c, "proxy")
		return err
	})
	app.Commands[0].Flags = ServerFlags("127.0.0.1:8090", "password", "proxy", "none")
	status = Run(context.Background(), app, append([]string{"prog", "act"}, strings.Fields(args)...))
	return got, status, errs.String()
}

func TestServerFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]Server{
		"":                               {Addr: "127.0.0.1:8090", Auth: "password"},
		"--auth none":                    {Addr: "127.0.0.1:8090", Auth: "none"},
		"--addr :80 --auth proxy":        {Addr: ":80", Auth: "proxy"},
		"--addr :80 --behind-tls":        {Addr: ":80", Auth: "password", HTTPS: true},
		"--credentials file":             {Addr: "127.0.0.1:8090", Auth: "password", Credentials: "file"},
		"--tls-cert c --tls-key k":       {Addr: "127.0.0.1:8090", Auth: "password", HTTPS: true, cert: "c", key: "k"},
		"--addr localhost:0 --auth=none": {Addr: "localhost:0", Auth: "none", Hosts: []string{"localhost"}},
		"--host a.example --host b":      {Addr: "127.0.0.1:8090", Auth: "password", Hosts: []string{"a.example", "b"}},
	} {
		if got, status, says := served(args); status != StatusDone || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v (status %d: %s)", args, got, want, status, says)
		}
	}
	for args, want := range map[string]string{
		"--auth maybe":                        "--auth maybe: want one of password, proxy, none",
		"--tls-cert c":                        "go together",
		"--tls-key k":                         "go together",
		"--addr :80":                          "credentials would travel in the clear",
		"--addr :80 --auth none":              "--auth none is for loopback alone, and --addr is :80",
		"--addr :80 --auth none --behind-tls": "--auth none is for loopback alone",
		"--addr nowhere --auth none":          "for loopback alone",
	} {
		if _, status, says := served(args); status != StatusUsage || !strings.Contains(says, want) {
			t.Errorf("%q: status %d: %s, want %q", args, status, says, want)
		}
	}
}

// Both programs that serve HTTP find their file by the same variable.
func TestCredentialsFromTheEnvironment(t *testing.T) {
	t.Setenv("NAVVY_CREDENTIALS", "file")
	if got, status, says := served(""); status != StatusDone || got.Credentials != "file" {
		t.Errorf("%+v, status %d: %s", got, status, says)
	}
}

// addressLog is a log that gives the URL of its first line.
type addressLog chan string

func (l addressLog) Write(line []byte) (int, error) {
	var entry struct{ URL, Message string }
	if json.Unmarshal(line, &entry) == nil && entry.Message == "prog is listening" {
		l <- entry.URL
	}
	return len(line), nil
}

func TestServe(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	urls, ended := make(addressLog, 1), make(chan int, 1)
	app, _, errs := program(func(c *cli.Context) error {
		server, err := ReadServer(c)
		if err != nil {
			return err
		}
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
		return server.Serve(c, zerolog.New(urls), "prog", "/page", httpserver.Config{Handler: handler})
	})
	app.Commands[0].Flags = ServerFlags("127.0.0.1:0", "none")
	go func() { ended <- Run(ctx, app, []string{"prog", "act"}) }()
	var url string
	select {
	case url = <-urls:
	case status := <-ended:
		t.Fatalf("status %d: %s", status, errs)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "/page" {
		t.Errorf("got %q, %v", body, err)
	}
	stop()
	if status := <-ended; status != StatusDone {
		t.Errorf("status %d: %s", status, errs)
	}
}

func TestCommandsMakeLinesThatLetIn(t *testing.T) {
	t.Parallel()
	grant := Grant{
		Flags: []cli.Flag{&cli.StringFlag{Name: "role", Value: "viewer"}},
		Read: func(c *cli.Context) (string, error) {
			if role := c.String("role"); role == "viewer" {
				return role, nil
			}
			return "", Usage("no such role")
		},
	}
	run := func(input string, args ...string) (status int, out, errs string) {
		app, stdout, stderr := program(nil)
		app.Reader = strings.NewReader(input)
		app.Commands = []*cli.Command{
			PasswordCommand("prog password alice", grant),
			SecretCommand(credentials.Token, "a bearer token", "", "prog token scraper", grant),
		}
		status = Run(context.Background(), app, append([]string{"prog"}, args...))
		return status, stdout.String(), stderr.String()
	}
	status, password, says := run("correct horse\n", "password", "alice")
	if status != StatusDone {
		t.Fatalf("password: status %d: %s", status, says)
	}
	status, token, says := run("", "token", "scraper")
	_, secret, found := strings.Cut(strings.TrimSpace(says), "The token of scraper, which is shown only now: ")
	if status != StatusDone || !found || strings.Contains(token, secret) {
		t.Fatalf("token: status %d: %s %s", status, token, says)
	}
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(password+token), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := credentials.Open(file, func(_ credentials.Kind, role string) (string, bool, error) {
		return role, true,
			nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if alice, ok := store.Login("alice", "correct horse"); !ok || alice.Grant != "viewer" {
		t.Errorf("alice: %v, %t", alice, ok)
	}
	if scraper, ok := store.Program(credentials.Token, secret); !ok || scraper.Name != "scraper" ||
		scraper.Grant != "viewer" {
		t.Errorf("scraper: %v, %t", scraper, ok)
	}
	for _, args := range []string{"password", "password alice --role admin", "token a --role admin", "token a b"} {
		if status, out, says := run("correct horse\n", strings.Fields(args)...); status != StatusUsage || out != "" {
			t.Errorf("%s: status %d: %s%s", args, status, out, says)
		}
	}
	if status, out, says := run("short\n", "password", "alice"); status != StatusUsage || out != "" {
		t.Errorf("a short password: status %d: %s%s", status, out, says)
	}
}

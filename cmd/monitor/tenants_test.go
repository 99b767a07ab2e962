package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/redistest"
)

// credentialsFile is one with a token of an operator.
func credentialsFile(t *testing.T) (file, token string) {
	t.Helper()
	token, line, err := credentials.NewSecret(credentials.Token, "bot", "operator")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, token
}

// withFlags calls do as serve is called with these arguments.
func withFlags(t *testing.T, do func(c *cli.Context, server command.Server) error, args ...string) error {
	t.Helper()
	app := &cli.App{
		Name: "monitor", Writer: &strings.Builder{}, ErrWriter: &strings.Builder{},
		HideHelp: true, // its flag is shared by everything in the process
		Commands: []*cli.Command{{
			Name: "serve", Flags: serveFlags(), HideHelp: true,
			Action: func(c *cli.Context) error {
				server, err := command.ReadServer(c, "proxy")
				if err != nil {
					return err
				}
				return do(c, server)
			},
		}},
	}
	app.Flags = []cli.Flag{&cli.StringFlag{Name: "namespace", Value: "navvy"}}
	app.ExitErrHandler = func(*cli.Context, error) {}
	return app.RunContext(t.Context(), append([]string{"monitor"}, args...))
}

// served is what serve would serve with these arguments.
func served(t *testing.T, rdb redis.UniversalClient, args ...string) (handler http.Handler) {
	t.Helper()
	err := withFlags(t, func(c *cli.Context, server command.Server) error {
		w, err := readWho(c, server)
		if err != nil {
			return err
		}
		made, closing, err := handlerFor(c, w, newInspector(t, rdb, c.String("namespace")), zerolog.Nop(), dashboard.Config{
			Redis: rdb, Namespace: c.String("namespace"), Auth: w.auth, Prefix: c.String("prefix"),
		})
		t.Cleanup(func() { _ = closing.close() })
		handler = made
		return err
	}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func getAs(t *testing.T, handler http.Handler, path, token string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost"+path, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	handler.ServeHTTP(recorder, request)
	return recorder
}

// Each of a monitor's namespaces has its own way in: what one lets in, no other does.
func TestTenantsHaveCredentialsOfTheirOwn(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	files, tokens := map[string]string{}, map[string]string{"nobody": ""}
	for _, name := range []string{"house", "acme", "globex"} {
		files[name], tokens[name] = credentialsFile(t)
	}
	enqueue(t, rdb, "acme", "zebra", 3)
	handler := served(t, rdb, "serve", "--credentials", files["house"], "--open-metrics",
		"--tenant", "acme="+files["acme"], "--tenant", "globex="+files["globex"])
	for who, token := range tokens {
		for path, owner := range map[string]string{
			"/queues": "house", "/api/v1/keys": "house", "/redis": "house",
			"/tenants/acme/queues": "acme", "/tenants/acme/api/v1/queues": "acme", "/tenants/acme/metrics": "acme",
			"/tenants/globex/queues": "globex", "/tenants/globex/metrics": "globex",
		} {
			got := getAs(t, handler, path, token)
			want := http.StatusUnauthorized
			if who == owner {
				want = http.StatusOK
			}
			if got.Code != want {
				t.Errorf("%s by %s: %d, want %d", path, who, got.Code, want)
			}
			if who != "acme" && strings.Contains(got.Body.String(), "zebra") {
				t.Errorf("%s shows %s what acme has:\n%s", path, who, got.Body)
			}
		}
	}
	if got := getAs(t, handler, "/tenants/acme/queues", tokens["acme"]); !strings.Contains(got.Body.String(), "zebra") {
		t.Errorf("acme does not see its queue:\n%s", got.Body)
	}
	got := getAs(t, handler, "/tenants/acme/metrics", tokens["acme"])
	if !strings.Contains(got.Body.String(), `navvy_queue_jobs{namespace="acme",queue="zebra",state="waiting"} 3`) {
		t.Errorf("metrics of acme:\n%s", got.Body)
	}
	got = getAs(t, handler, "/metrics", "")
	if got.Code != http.StatusOK || strings.Contains(got.Body.String(), "zebra") {
		t.Errorf("open metrics: %d\n%s", got.Code, got.Body)
	}
}

func TestTenantsAreServedWithoutADefaultNamespace(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	file, token := credentialsFile(t)
	handler := served(t, rdb, "serve", "--prefix", "/navvy", "--tenant", "acme="+file)
	for path, want := range map[string]int{
		"/": 404, "/queues": 404, "/metrics": 404, "/navvy/queues": 404, "/healthz": 200, "/readyz": 200,
		"/navvy/tenants/acme/queues": 200, "/navvy/tenants/acme/metrics": 200, "/navvy/tenants/acme/redis": 404,
		"/navvy/tenants/acme/locks": 404, "/navvy/tenants/acme/flags": 404, "/navvy/tenants/globex/queues": 404,
		"/navvy/tenants/acme%2f..%2fglobex/queues": 404,
	} {
		if got := getAs(t, handler, path, token); got.Code != want {
			t.Errorf("%s: %d, want %d", path, got.Code, want)
		}
	}
}

func TestWrongTenantsAreRefused(t *testing.T) {
	t.Parallel()
	file, _ := credentialsFile(t)
	other, _ := credentialsFile(t)
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, nil, 0o644); err != nil { //nolint:gosec // that is what is wrong with it
		t.Fatal(err)
	}
	tenant := func(texts ...string) (args []string) {
		for _, text := range texts {
			args = append(args, "--tenant", text)
		}
		return args
	}
	var many []string
	for n := range 51 {
		many = append(many, fmt.Sprintf("t%d=%s", n, file))
	}
	for name, args := range map[string][]string{
		"no file":         tenant("acme"),
		"no name":         tenant("=" + file),
		"not a name":      tenant("../acme=" + file),
		"a prefix":        tenant("acme:queues=" + file),
		"nowhere":         tenant("acme=" + file + ".nowhere"),
		"open to others":  tenant("acme=" + open),
		"twice":           tenant("acme="+file, "acme="+other),
		"one file":        tenant("acme="+file, "globex="+filepath.Dir(file)+"/./credentials"),
		"the house's":     append(tenant("acme="+file), "--credentials", file),
		"the default":     append(tenant("navvy="+file), "--credentials", other),
		"too many":        tenant(many...),
		"in the clear":    append(tenant("acme="+file), "--addr", ":8090"),
		"proxy, in clear": append(tenant("acme="+file), "--addr", ":8090", "--auth", "proxy"),
	} {
		err := withFlags(t, func(c *cli.Context, server command.Server) error {
			_, err := readWho(c, server)
			return err
		}, append([]string{"serve"}, args...)...)
		if !command.IsUsage(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := withFlags(t, func(c *cli.Context, server command.Server) error {
		_, err := readWho(c, server)
		return err
	}, "--namespace", "acme:x", "serve", "--credentials", other, "--tenant", "acme="+file)
	if !command.IsUsage(err) {
		t.Errorf("a namespace that begins as a tenant's keys: %v", err)
	}
}

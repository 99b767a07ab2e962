package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/queue/inspect"
)

// tenantsMost bounds the memory that the dashboards need together.
const tenantsMost = 50

func tenantFlag() cli.Flag {
	return &cli.StringSliceFlag{
		Name: "tenant", Usage: "serve a namespace at /tenants/NAME, to those of the credentials in FILE alone: `NAME=FILE` " +
			"(may be repeated)",
	}
}

// tenant is a namespace that has a dashboard and metrics of its own, and credentials of its own to get there. Nothing
// that lets in to one tenant lets in to another.
type tenant struct {
	name   string // the namespace
	path   string // where it is mounted
	people *dashboard.Credentials
	auth   dashboard.Auth
	board  *dashboard.Dashboard
}

// readTenants reads what --tenant names.
func readTenants(c *cli.Context, server command.Server) (tenants []*tenant, err error) {
	texts := c.StringSlice("tenant")
	switch {
	case len(texts) > tenantsMost:
		return nil, command.Usage("%d tenants, %d are served at the most", len(texts), tenantsMost)
	case len(texts) > 0 && !server.HTTPS && !httpserver.Loopback(server.Addr):
		return nil, command.Usage("--tenant: passwords would travel in the clear: add --tls-cert and --tls-key, or " +
			"--behind-tls where a proxy ends https")
	}
	files := map[string]string{}
	if server.Credentials != "" {
		files[filepath.Clean(server.Credentials)] = "--credentials"
	}
	for _, text := range texts {
		one, file, err := readTenant(c, server, text)
		if err != nil {
			return nil, err
		}
		if other := files[file]; other != "" {
			return nil, command.Usage("--tenant %s: %s is the file of %s: each has one of its own", one.name, file, other)
		}
		for _, other := range tenants {
			if other.name == one.name {
				return nil, command.Usage("--tenant %s is there twice", one.name)
			}
		}
		files[file] = "--tenant " + one.name
		tenants = append(tenants, one)
	}
	return tenants, nil
}

func readTenant(c *cli.Context, server command.Server, text string) (t *tenant, file string, err error) {
	name, file, ok := strings.Cut(text, "=")
	if !ok || file == "" {
		return nil, "", command.Usage("--tenant %s: want NAME=FILE", text)
	}
	if err := dashboard.CheckTenant(name); err != nil {
		return nil, "", command.Usage("--tenant: %w", err)
	}
	t = &tenant{name: name, path: strings.TrimSuffix(c.String("prefix"), "/") + "/tenants/" + name}
	if t.people, err = dashboard.ReadCredentials(file); err != nil {
		return nil, "", command.Usage("--tenant %s: %w", name, err)
	}
	key, err := tenantKey(name)
	if err != nil {
		return nil, "", err
	}
	passwords, err := passwordsOf(c, t.people, dashboard.Sessions{Key: key, Secure: server.HTTPS})
	if err != nil {
		return nil, "", command.AsUsage(err)
	}
	t.auth = dashboard.AnyOf{dashboard.Tokens{Credentials: t.people}, passwords}
	return t, filepath.Clean(file), nil
}

// tenantKey derives the key that signs a tenant's cookies and forms: what is signed for one is worth nothing for
// another.
func tenantKey(name string) ([]byte, error) {
	return hkdf.Key(sha256.New, sessionKey(), nil, "navvy monitor tenant "+name, sha256.Size)
}

// open makes the dashboard, with what the configuration says for all.
func (t *tenant) open(cfg dashboard.Config) (err error) {
	key, err := tenantKey(t.name + " forms")
	if err != nil {
		return err
	}
	cfg.Namespace, cfg.Prefix, cfg.Auth, cfg.Key, cfg.Pages, cfg.Tenant = t.name, t.path, t.auth, key, nil, true
	t.board, err = dashboard.New(cfg)
	return command.AsUsage(err)
}

// mount adds the dashboard, and the metrics of the tenant's queues, which need its credentials whatever others need.
func (t *tenant) mount(mux *http.ServeMux, rdb redis.UniversalClient, log zerolog.Logger) error {
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: t.name, Confined: true})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"namespace": t.name}, registry)
	labelled.MustRegister(credentialsMetric(t.people), newCollector(inspector))
	mux.Handle(t.path+"/", t.board)
	mux.Handle("GET "+t.path+"/metrics", restricted(t.auth, scraped(registry, log)))
	return nil
}

// closers close dashboards together.
type closers []func() error

func (all closers) close() error {
	var errs []error
	for _, one := range all {
		errs = append(errs, one())
	}
	return errors.Join(errs...)
}

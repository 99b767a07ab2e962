package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/command"
)

// readCredentials reads the file that the flags name, or returns nil.
func readCredentials(server command.Server) (*dashboard.Credentials, error) {
	if server.Credentials == "" || server.Auth == "none" {
		return nil, nil
	}
	read, err := dashboard.ReadCredentials(server.Credentials)
	return read, command.AsUsage(err)
}

// who is let in, and where.
type who struct {
	people  *dashboard.Credentials // those of --credentials; nil for none
	auth    dashboard.Auth         // of --namespace; nil if only tenants are served
	tenants []*tenant
}

// readWho builds what the flags ask for. It refuses what would let nobody in.
func readWho(c *cli.Context, server command.Server) (w who, err error) {
	if w.people, err = readCredentials(server); err != nil {
		return w, err
	}
	if w.tenants, err = readTenants(c, server); err != nil {
		return w, err
	}
	if len(w.tenants) > 0 && w.people == nil && server.Auth == "password" {
		return w, nil
	}
	if w.auth, err = authOf(c, server, w.people); err != nil || len(w.tenants) == 0 {
		return w, err
	}
	if err := dashboard.CheckTenant(c.String("namespace")); err != nil {
		return w, command.Usage("--namespace beside --tenant: %w", err)
	}
	for _, t := range w.tenants {
		if t.name == c.String("namespace") {
			return w, command.Usage("--tenant %s is the namespace that is served at / already", t.name)
		}
	}
	return w, nil
}

// watch reports what is wrong with the files of credentials, until stop is called.
func (w who) watch(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	if w.people != nil {
		watching.Go(func() { w.people.Watch(ctx, log) })
	}
	for _, t := range w.tenants {
		watching.Go(func() { t.people.Watch(ctx, log) })
	}
	return func() {
		end()
		watching.Wait()
	}
}

// credentialsMetric is how many mistakes the file of credentials has now.
func credentialsMetric(credentials *dashboard.Credentials) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "navvy_credentials_problems",
		Help: "Mistakes of the file of credentials: lines that do not count, or that nobody is let in.",
	}, func() float64 {
		if credentials == nil {
			return 0
		}
		return float64(len(credentials.Problems()))
	})
}

package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

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

// watchFile reports what is wrong with the credentials, if there are any, until stop is called.
func watchFile(ctx context.Context, credentials *dashboard.Credentials, log *slog.Logger) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	if credentials != nil {
		watching.Go(func() { credentials.Watch(ctx, log) })
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

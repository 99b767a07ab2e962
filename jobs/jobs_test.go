package jobs_test

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

func deps(t *testing.T) jobs.Deps {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // never dialled: nothing runs
	t.Cleanup(func() { _ = rdb.Close() })
	return jobs.Deps{Redis: rdb, Gateway: payment.NewSimulatedGateway(payment.Simulation{})}
}

func TestTheCatalogueIsWhatIsRegistered(t *testing.T) {
	t.Parallel()
	mux, debugMux := queue.NewMux(), queue.NewMux()
	if err := jobs.Register(mux, deps(t)); err != nil {
		t.Fatal(err)
	}
	jobs.RegisterDebug(debugMux)
	for _, test := range []struct {
		mux       *queue.Mux
		catalogue []jobs.Job
	}{{mux, jobs.Catalogue()}, {debugMux, jobs.DebugCatalogue()}} {
		var registered, listed []string
		for _, kind := range test.mux.Kinds() {
			registered = append(registered, kind.Name)
		}
		for _, job := range test.catalogue {
			listed = append(listed, job.Kind)
			if job.Queue == "" || job.Does == "" {
				t.Errorf("%s: its line is not complete: %+v", job.Kind, job)
			}
		}
		slices.Sort(listed)
		if !slices.Equal(registered, listed) {
			t.Errorf("registered %v, listed %v", registered, listed)
		}
	}
}

func TestAMissingDependencyIsAnError(t *testing.T) {
	t.Parallel()
	whole := deps(t)
	for _, incomplete := range []jobs.Deps{{}, {Redis: whole.Redis}, {Gateway: whole.Gateway}} {
		mux := queue.NewMux()
		if err := jobs.Register(mux, incomplete); err == nil || len(mux.Kinds()) != 0 {
			t.Errorf("Register: got %v with %d kinds registered, want an error and none", err, len(mux.Kinds()))
		}
	}
}

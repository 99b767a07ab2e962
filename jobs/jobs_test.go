package jobs_test

import (
	"slices"
	"testing"

	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/queue"
)

func TestTheCatalogueIsWhatIsRegistered(t *testing.T) {
	t.Parallel()
	mux, debugMux := queue.NewMux(), queue.NewMux()
	jobs.Register(mux, jobs.Deps{})
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

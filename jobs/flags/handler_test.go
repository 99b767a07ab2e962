package flags_test

import (
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/queue"
)

func TestApplyChangesFlags(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	store, mux := flags.New(rdb), queue.NewMux()
	store.Register(mux)
	fleet := jobtest.Start(t, rdb, mux, nil)
	ended := fleet.Run(t, flags.Apply{Author: ana, Changes: []flags.Change{
		{Flag: "a", Action: flags.Enable},
		{Flag: "b", Action: flags.EnableUser, User: "u-1"},
		{Flag: "c", Action: flags.SetRules, Rules: &flags.Rules{Percent: 100}},
	}})
	if ended.Type != queue.EventDone {
		t.Fatalf("ended as %s: %v", ended.Type, ended.Err)
	}
	for _, flag := range []string{"a", "b", "c"} {
		if d := decide(t, store, flag, "u-1"); !d.On {
			t.Errorf("%s: %+v", flag, d)
		}
		trail, err := store.Trail(t.Context(), flag, "", 0)
		if err != nil || len(trail) != 1 || trail[0].By != "ana" || trail[0].Reason != "a test" {
			t.Errorf("trail of %s: %+v (%v)", flag, trail, err)
		}
	}
	for name, bad := range map[string]flags.Apply{
		"none": {}, "bad": {Changes: []flags.Change{{Flag: "a", Action: "explode"}}},
	} {
		if ended := fleet.Run(t, bad); ended.Type != queue.EventDead {
			t.Errorf("%s: ended as %s", name, ended.Type)
		}
	}
}

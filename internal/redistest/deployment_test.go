package redistest_test

import (
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestClockOfAServerSteps(t *testing.T) {
	t.Parallel()
	clocks, err := redistest.NewClocks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := clocks.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	rdb := server.Client(t)
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		if err := server.StepClock(ahead); err != nil {
			t.Fatal(err)
		}
		shown, err := rdb.Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Until(shown) - ahead; d < -time.Minute || d > time.Minute {
			t.Errorf("stepped by %s, its clock is ahead by %s", ahead, time.Until(shown))
		}
	}
}

func TestSentinelsNameTheReplicaOfAMasterThatDied(t *testing.T) {
	t.Parallel()
	s, err := redistest.StartSentinels(t.Context(), t.TempDir(), redistest.Start)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	master, err := s.Master(t.Context())
	if err != nil || master != s.Servers[0] {
		t.Fatalf("%v, %v", master, err)
	}
	master.Kill()
	if named, err := s.AwaitOther(t.Context(), master); err != nil || named != s.Servers[1] {
		t.Errorf("%v, %v", named, err)
	}
}

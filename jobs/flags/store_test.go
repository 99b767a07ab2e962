package flags_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
)

var ana = flags.Author{By: "ana", Reason: "a test"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func decide(t *testing.T, store *flags.Store, flag, user string) flags.Decision {
	t.Helper()
	d, err := store.Decide(t.Context(), flag, user)
	must(t, err)
	return d
}

func TestTheArticlesProgramsAgree(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)

	rdb.Set(ctx, "feature:new_checkout_flow", "1", 0)
	rdb.SAdd(ctx, "feature:beta:users", "u-1")
	for _, test := range []struct {
		flag, user string
		on         bool
	}{{"new_checkout_flow", "", true}, {"new_checkout_flow", "u-9", true}, {"beta", "", false},
		{"beta", "u-1", true}, {"beta", "u-2", false}, {"nobody_set_it", "u-1", false}} {
		on, err := store.IsEnabledForUser(ctx, test.flag, test.user)
		if err != nil || on != test.on {
			t.Errorf("%s for %q: %v (%v)", test.flag, test.user, on, err)
		}
	}

	must(t, store.Disable(ctx, "new_checkout_flow", ana))
	must(t, store.Enable(ctx, "beta", ana))
	must(t, store.EnableForUser(ctx, "alpha", "u-3", ana))
	if n := rdb.Exists(ctx, "feature:new_checkout_flow").Val(); n != 0 {
		t.Error("a flag that is off must not have its key")
	}
	if on := rdb.Get(ctx, "feature:beta").Val(); on != "1" {
		t.Errorf("feature:beta is %q, want 1", on)
	}
	if !rdb.SIsMember(ctx, "feature:alpha:users", "u-3").Val() {
		t.Error("u-3 is not in feature:alpha:users")
	}
}

func TestUsersOverrideTheRest(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), flags.New(redistest.New(t).Client(t))
	must(t, store.Enable(ctx, "f", ana))
	must(t, store.DisableForUser(ctx, "f", "u-1", ana))
	if d := decide(t, store, "f", "u-1"); d.On || d.Reason != flags.Listed {
		t.Errorf("off by name: %+v", d)
	}
	must(t, store.EnableForUser(ctx, "f", "u-1", ana))
	must(t, store.Disable(ctx, "f", ana))
	if d := decide(t, store, "f", "u-1"); !d.On || d.Reason != flags.Listed {
		t.Errorf("on by name: %+v", d)
	}
	must(t, store.Apply(ctx, "", ana, flags.Change{Flag: "f", Action: flags.ResetUser, User: "u-1"}))
	if d := decide(t, store, "f", "u-1"); d.On || d.Reason != flags.Off {
		t.Errorf("reset: %+v", d)
	}
	must(t, store.Delete(ctx, "f", ana))
	if d := decide(t, store, "f", "u-1"); d.On || d.Reason != flags.Unknown {
		t.Errorf("deleted: %+v", d)
	}
}

func TestPercentageIsStickyMonotoneAndFair(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), flags.New(redistest.New(t).Client(t))
	const users = 2000
	on := map[string]bool{}
	for _, percent := range []float64{0, 10, 50, 100} {
		must(t, store.SetRules(ctx, "f", flags.Rules{Percent: percent}, ana))
		count := 0
		for i := range users {
			user := fmt.Sprintf("user-%d", i)
			d := decide(t, store, "f", user)
			if on[user] && !d.On {
				t.Fatalf("%s lost the flag when it was raised to %v%%", user, percent)
			}
			if on[user] = d.On; d.On {
				count++
			}
		}
		if share := 100 * float64(count) / users; share < percent-4 || share > percent+4 {
			t.Errorf("%v%% is on for %v%%", percent, share)
		}
	}
	if d := decide(t, store, "f", ""); !d.On {
		t.Errorf("100%% is everyone: %+v", d)
	}
	must(t, store.SetRules(ctx, "f", flags.Rules{Percent: 50}, ana))
	if d := decide(t, store, "f", ""); d.On || !d.NeedsUser {
		t.Errorf("half the users, none named: %+v", d)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), flags.New(redistest.New(t).Client(t))
	now := time.Now()
	for name, test := range map[string]struct {
		rules flags.Rules
		on    bool
	}{
		"to come": {flags.Rules{Percent: 100, From: now.Add(time.Hour)}, false},
		"now":     {flags.Rules{Percent: 100, From: now.Add(-time.Hour), Until: now.Add(time.Hour)}, true},
		"over":    {flags.Rules{Percent: 100, Until: now.Add(-time.Hour)}, false},
	} {
		must(t, store.SetRules(ctx, "f", test.rules, ana))
		if d := decide(t, store, "f", "u-1"); d.On != test.on {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestVariantsFollowTheirWeights(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), flags.New(redistest.New(t).Client(t))
	must(t, store.Enable(ctx, "f", ana))
	must(t, store.SetRules(ctx, "f", flags.Rules{Variants: []flags.Variant{
		{Name: "blue", Weight: 3, Value: json.RawMessage(`{"hex":"#00f"}`)}, {Name: "red", Weight: 1},
		{Name: "off", Weight: 0},
	}}, ana))
	count, values := map[string]int{}, map[string]string{}
	const users = 2000
	for i := range users {
		d := decide(t, store, "f", fmt.Sprintf("user-%d", i))
		count[d.Variant]++
		values[d.Variant] = string(d.Value)
	}
	if blue := 100 * count["blue"] / users; blue < 71 || blue > 79 || count["blue"]+count["red"] != users {
		t.Errorf("variants: %v", count)
	}
	if values["blue"] != `{"hex":"#00f"}` || values["red"] != `"red"` {
		t.Errorf("values: %v", values)
	}
	if d := decide(t, store, "f", ""); !d.On || d.Variant != "" || !d.NeedsUser {
		t.Errorf("nobody named: %+v", d)
	}
}

func TestBadChangesAreInvalid(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), flags.New(redistest.Shared(t).Client(t))
	rules := func(r flags.Rules) flags.Change { return flags.Change{Flag: "bad", Action: flags.SetRules, Rules: &r} }
	for name, change := range map[string]flags.Change{
		"no flag":         {Action: flags.Enable},
		"brace":           {Flag: "a}b", Action: flags.Enable},
		"space":           {Flag: "a b", Action: flags.Enable},
		"users' key":      {Flag: "a:users", Action: flags.Enable},
		"long":            {Flag: strings.Repeat("a", 201), Action: flags.Enable},
		"no action":       {Flag: "bad"},
		"no user":         {Flag: "bad", Action: flags.EnableUser},
		"percent":         rules(flags.Rules{Percent: 101}),
		"times":           rules(flags.Rules{From: time.Unix(2, 0), Until: time.Unix(1, 0)}),
		"weights":         rules(flags.Rules{Variants: []flags.Variant{{Name: "a"}}}),
		"same variants":   rules(flags.Rules{Variants: []flags.Variant{{Name: "a", Weight: 1}, {Name: "a", Weight: 1}}}),
		"variant's value": rules(flags.Rules{Variants: []flags.Variant{{Name: "a", Weight: 1, Value: []byte("{")}}}),
	} {
		good := flags.Change{Flag: "good", Action: flags.Enable}
		if err := store.Apply(ctx, "", ana, good, change); !errors.Is(err, flags.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := decide(t, store, "good", ""); d.Reason != flags.Unknown {
		t.Error("a change beside a bad one was made")
	}
}

func TestEveryChangeIsInTheTrail(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Enable(ctx, "f", ana))
	must(t, store.EnableForUser(ctx, "f", "u-1", ana))
	must(t, store.DisableForUser(ctx, "f", "u-1", ana))
	must(t, store.SetRules(ctx, "f", flags.Rules{Percent: 5}, ana))
	must(t, store.Delete(ctx, "f", flags.Author{By: "bo"}))
	trail, err := store.Trail(ctx, "f", "", 0)
	must(t, err)
	var got []string
	for _, e := range trail {
		got = append(got, fmt.Sprintf("%s %s %s %s>%s", e.By, e.Action, e.User, e.Before, e.After))
		if time.Since(e.At).Abs() > time.Minute {
			t.Errorf("%s at %s", e.Action, e.At)
		}
	}
	want := []string{`bo delete  on {"percent":5}>`, `ana set_rules  >{"percent":5}`, `ana disable_user u-1 on>off`,
		`ana enable_user u-1 >on`, `ana enable  off>on`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("trail:\n%q\nwant\n%q", got, want)
	}
	if page, err := store.Trail(ctx, "f", trail[1].ID, 2); err != nil || len(page) != 2 || page[0].ID != trail[2].ID {
		t.Errorf("second page: %+v (%v)", page, err)
	}
	if ttl := rdb.PTTL(ctx, "{feature:f}:audit").Val(); ttl <= 0 || ttl > flags.TrailFor {
		t.Errorf("TTL of the trail: %s", ttl)
	}
}

func TestAChangeIsMadeOncePerID(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	changes := []flags.Change{{Flag: "a", Action: flags.Enable}, {Flag: "a", Action: flags.EnableUser, User: "u-1"}}
	must(t, store.Apply(ctx, "job-1", ana, changes...))
	must(t, store.Disable(ctx, "a", ana))
	must(t, store.DisableForUser(ctx, "a", "u-1", ana))
	must(t, store.Apply(ctx, "job-1", ana, changes...)) // delivered again
	if d := decide(t, store, "a", "u-1"); d.On {
		t.Errorf("a redelivery undid a later change: %+v", d)
	}
	if trail, err := store.Trail(ctx, "a", "", 0); err != nil || len(trail) != 4 {
		t.Errorf("%d entries in the trail (%v), want 4", len(trail), err)
	}
	if rdb.SIsMember(ctx, "feature:a:users", "u-1").Val() {
		t.Error("a redelivery put the user back")
	}

	// An earlier delivery died between the two steps of a change to the users.
	must(t, rdb.Set(ctx, "{feature:b}:applied:job-2:0", "", 0).Err())
	must(t, store.Apply(ctx, "job-2", ana, flags.Change{Flag: "b", Action: flags.EnableUser, User: "u-1"}))
	if d := decide(t, store, "b", "u-1"); !d.On {
		t.Errorf("the second step was left out: %+v", d)
	}
}

func TestListPagesAndAdopts(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	for _, flag := range []string{"b", "a", "d"} {
		must(t, store.Enable(ctx, flag, ana))
	}
	rdb.Set(ctx, "feature:c", "1", 0)
	rdb.SAdd(ctx, "feature:e:users", "u-1", "u-2")
	if n, err := store.Adopt(ctx); err != nil || n != 2 {
		t.Fatalf("adopted %d (%v), want 2", n, err)
	}
	first, err := store.List(ctx, "", 3)
	must(t, err)
	rest, err := store.List(ctx, "c", 3)
	must(t, err)
	var names []string
	for _, flag := range append(first, rest...) {
		names = append(names, flag.Name)
	}
	if strings.Join(names, "") != "abcde" || rest[1].UsersOn != 2 || rest[1].On || !rest[0].On {
		t.Errorf("List: %+v, %+v", first, rest)
	}
}

func TestRulesThatCannotBeReadAreTold(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Enable(ctx, "f", ana))
	rdb.Set(ctx, "{feature:f}:rules", "{", 0)
	if d := decide(t, store, "f", ""); !d.On || !errors.Is(d.Err, flags.ErrInvalid) {
		t.Errorf("%+v", d)
	}
}

// cluster starts a cluster of one node, which is as strict about slots as one of a hundred.
func cluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	server := redistest.New(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	must(t, node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	await(t, func() bool { return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") })
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// await polls until it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatal("it did not happen within 30 s")
		case <-tick.C:
		}
	}
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	rdb := cluster(t)
	ctx, store := t.Context(), flags.New(rdb)
	watcher := flags.Watch(rdb, flags.WatchConfig{})
	defer watcher.Close()
	must(t, watcher.Ready(ctx))
	for _, action := range []flags.Action{flags.Enable, flags.EnableUser, flags.DisableUser, flags.ResetUser,
		flags.SetRules, flags.Disable} {
		must(t, store.Apply(ctx, "", ana, flags.Change{
			Flag: "f", Action: action, User: "u-1", Rules: &flags.Rules{Percent: 100},
		}))
	}
	await(t, func() bool { d := watcher.Decide(ctx, "f", "u-1"); return d.On && d.Reason == flags.Rollout })
	if d := decide(t, store, "f", "u-1"); !d.On || d.Reason != flags.Rollout {
		t.Errorf("%+v", d)
	}
	must(t, store.Delete(ctx, "f", ana))
	await(t, func() bool { return watcher.Decide(ctx, "f", "u-1").Reason == flags.Unknown })
	if listed, err := store.List(ctx, "", 0); err != nil || len(listed) != 0 {
		t.Errorf("List: %+v (%v)", listed, err)
	}
}

// Each master of a cluster notifies of its own keys alone.
func TestEveryMasterOfAClusterIsFollowed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var nodes []*redis.Client
	for i := range 2 {
		server := redistest.New(t, "--cluster-enabled", "yes")
		node := server.Client(t)
		nodes = append(nodes, node)
		must(t, node.ClusterAddSlotsRange(ctx, i*8192, i*8192+8191).Err())
		must(t, node.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
	}
	host, port, err := net.SplitHostPort(nodes[0].Options().Addr)
	must(t, err)
	must(t, nodes[1].ClusterMeet(ctx, host, port).Err())
	for _, node := range nodes {
		await(t, func() bool { return strings.Contains(node.ClusterInfo(ctx).Val(), "cluster_state:ok") })
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Options().Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	w := watch(t, rdb)
	must(t, w.Ready(ctx))
	for i := range 20 { // in slots of both
		flag := fmt.Sprintf("f-%d", i)
		must(t, rdb.Set(ctx, "feature:"+flag, "1", 0).Err())
		w.changed(t, flag)
		if d := w.Decide(ctx, flag, ""); !d.On || d.Stale {
			t.Errorf("%s: %+v", flag, d)
		}
	}
	for i, node := range nodes {
		if n := node.DBSize(ctx).Val(); n < 2 {
			t.Errorf("node %d has %d keys: the test shows nothing", i, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	rdb := redistest.Shared(b).Client(b)
	if err := flags.New(rdb).SetRules(b.Context(), "bench", flags.Rules{Percent: 50}, ana); err != nil {
		b.Fatal(err)
	}
	w := flags.Watch(rdb, flags.WatchConfig{})
	defer w.Close()
	if err := w.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w.Decide(b.Context(), "bench", "u-1")
	}
}

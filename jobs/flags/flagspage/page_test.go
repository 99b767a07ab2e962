package flagspage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/flags/flagspage"
	"github.com/navvy-go/navvy/jobs/internal/pagetest"
)

func TestFlagsPage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	server := pagetest.Open(t, rdb, flagspage.New(rdb))
	pagetest.Open(t, rdb, flagspage.New(rdb)).Shows(t, "/flags", "No flag yet.")
	store, ana := flags.New(rdb), flags.Author{By: pagetest.Evil}
	name := "<script>x</script>" // a flag's name has no spaces
	pagetest.Must(t, store.Enable(t.Context(), name, ana))
	pagetest.Must(t, store.EnableForUser(t.Context(), "beta", "u-1", ana))
	pagetest.Must(t, store.SetRules(t.Context(), "beta", flags.Rules{Percent: 10, Until: time.Now().Add(time.Hour),
		Variants: []flags.Variant{{Name: "blue", Weight: 1}}, Default: "blue", Disabled: true,
		Requires: []flags.Requirement{{Flag: "alpha"}},
		Targets: []flags.Target{{Off: true, When: []flags.Condition{
			{Attribute: "country", Op: flags.In, Values: []any{"<b>"}},
		}}},
	}, ana))
	for _, path := range []string{"/flags", "/flags?flag=" + url.QueryEscape(name)} {
		server.Shows(t, path, "&lt;script&gt;x")
	}
	server.Shows(t, "/flags?flag=beta", "10 %", "blue", "until ", "enable_user", "set_rules",
		"disabled for all", "requires alpha", "off where country in &lt;b&gt;", "otherwise blue")
	for path, status := range map[string]int{"/flags?flag=nope": 404, "/flags?flag=a+b": 400, "/flags?cursor=beta": 200} {
		if got := server.Status(t, path); got != status {
			t.Errorf("%s: %d, want %d", path, got, status)
		}
	}
	var list struct{ Flags []flags.Flag }
	server.JSON(t, "/flags", &list)
	if len(list.Flags) != 2 || list.Flags[1].UsersOn != 1 {
		t.Errorf("got %+v", list.Flags)
	}
}

func TestFlagsAreSwitched(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	server := pagetest.Open(t, rdb, flagspage.New(rdb))
	ctx, store := t.Context(), flags.New(rdb)
	pagetest.Must(t, store.SetRules(ctx, "beta", flags.Rules{Percent: 10,
		Variants: []flags.Variant{{Name: "blue", Weight: 1}}}, flags.Author{}))
	is := func(on bool, percent float64) {
		t.Helper()
		f, _, err := store.Flag(ctx, "beta")
		if err != nil || f.On != on || f.Rules.Percent != percent || len(f.Rules.Variants) != 1 {
			t.Fatalf("got %+v, %v; want on %t, %v %%", f, err, on, percent)
		}
	}
	ok := func(path string, pairs ...string) string {
		t.Helper()
		status, answer := server.Act(t, path, pairs...)
		if status != http.StatusOK {
			t.Fatalf("%s %v: %d %s", path, pairs, status, answer)
		}
		return answer
	}
	if answer := ok("/flags/switch", "flag", "beta", "to", "on"); !strings.Contains(answer, `"to":"off"`) {
		t.Errorf("no undo: %s", answer)
	}
	is(true, 10)
	if answer := ok("/flags/switch", "flag", "beta", "to", "on"); strings.Contains(answer, "undo") {
		t.Errorf("what changed nothing can be undone: %s", answer)
	}
	if answer := ok("/flags/switch", "flag", "beta", "to", "off"); !strings.Contains(answer, "still on for") {
		t.Errorf("nobody says that it is still on for some: %s", answer)
	}
	if answer := ok("/flags/percent", "flag", "beta", "percent", "37.5"); !strings.Contains(answer, `"percent":"10"`) {
		t.Errorf("no undo: %s", answer)
	}
	is(false, 37.5)
	rdb.Set(ctx, "feature:theirs", "1", 0)
	ok("/flags/adopt")
	server.Shows(t, "/flags", "theirs")
	server.Shows(t, "/audit", "flag.enable", "flag.disable", "flag.percent", "from 10 % to 37.5 %", "flag.adopt")
}

func TestChangesOfFlagsThatAreRefused(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	server := pagetest.Open(t, rdb, flagspage.New(rdb))
	ctx := t.Context()
	pagetest.Must(t, flags.New(rdb).SetRules(ctx, "beta", flags.Rules{Percent: 10}, flags.Author{}))
	for _, refused := range [][]string{
		{"400", "/flags/switch", "flag", "beta", "to", "maybe"}, {"404", "/flags/switch", "flag", "nope", "to", "on"},
		{"400", "/flags/percent", "flag", "beta", "percent", "half"},
		{"400", "/flags/percent", "flag", "beta", "percent", "101"},
		{"400", "/flags/percent", "flag", "beta", "percent", "NaN"},
		{"400", "/flags/percent", "flag", "beta", "percent", "-1"},
		{"404", "/flags/percent", "flag", "nope", "percent", "1"},
	} {
		if status, answer := server.Act(t, refused[1], refused[2:]...); fmt.Sprint(status) != refused[0] {
			t.Errorf("%v: %d %s", refused, status, answer)
		}
	}
	rdb.Set(ctx, "{feature:beta}:rules", "from the future", 0)
	if status, answer := server.Act(t, "/flags/percent", "flag", "beta", "percent", "1"); status != http.StatusBadRequest {
		t.Errorf("rules that cannot be read are overwritten: %d %s", status, answer)
	}
	left := rdb.Get(ctx, "{feature:beta}:rules").Val()
	if left != "from the future" {
		t.Errorf("the rules are %q", left)
	}
}

package flagprovider_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/flags/flagprovider"
)

var ana = flags.Author{By: "ana"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// apply makes changes of flags in a row.
func apply(t *testing.T, rdb redis.UniversalClient, changes ...flags.Change) {
	t.Helper()
	must(t, flags.New(rdb).Apply(t.Context(), "", ana, changes...))
}

// start gives an API of the SDK's own the provider, and returns a client of it.
func start(t *testing.T, rdb redis.UniversalClient) (*of.EvaluationAPI, *of.Client) {
	t.Helper()
	api := isolated.NewAPI()
	must(t, api.SetProviderAndWait(t.Context(), flagprovider.New(rdb, flags.WatchConfig{})))
	t.Cleanup(func() { must(t, api.Shutdown(context.Background())) })
	return api, api.NewClient()
}

func on(flag string) flags.Change { return flags.Change{Flag: flag, Action: flags.Enable} }

func variants(flag string, all ...flags.Variant) flags.Change {
	return flags.Change{Flag: flag, Action: flags.SetRules, Rules: &flags.Rules{Variants: all}}
}

func one(flag, name, value string) flags.Change {
	return variants(flag, flags.Variant{Name: name, Weight: 1, Value: json.RawMessage(value)})
}

func user(id string) of.EvaluationContext { return of.NewEvaluationContext(id, nil) }

var nobody = of.NewTargetlessEvaluationContext(nil)

// The scenarios of the specification's Appendix B, evaluation.feature.
func TestTheSpecificationsScenarios(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx := t.Context()
	apply(t, rdb, on("boolean-flag"),
		on("string-flag"), one("string-flag", "greeting", `"hi"`),
		on("integer-flag"), one("integer-flag", "ten", `10`),
		on("float-flag"), one("float-flag", "half", `0.5`),
		on("object-flag"), one("object-flag", "template",
			`{"showImages":true,"title":"Check out these pics!","imagesPerPage":100}`),
		on("wrong-flag"), one("wrong-flag", "one", `"uno"`),
		one("context-aware", "internal", `"INTERNAL"`),
		flags.Change{Flag: "context-aware", Action: flags.EnableUser, User: "Sulisław"})
	_, client := start(t, rdb)

	boolean, err := client.BooleanValueDetails(ctx, "boolean-flag", false, nobody)
	if err != nil || !boolean.Value || boolean.Variant != "on" || boolean.Reason != of.StaticReason {
		t.Errorf("boolean: %+v (%v)", boolean, err)
	}
	text, err := client.StringValueDetails(ctx, "string-flag", "bye", nobody)
	if err != nil || text.Value != "hi" || text.Variant != "greeting" || text.Reason != of.StaticReason {
		t.Errorf("string: %+v (%v)", text, err)
	}
	integer, err := client.IntValueDetails(ctx, "integer-flag", 1, nobody)
	if err != nil || integer.Value != 10 || integer.Variant != "ten" || integer.Reason != of.StaticReason {
		t.Errorf("integer: %+v (%v)", integer, err)
	}
	float, err := client.FloatValueDetails(ctx, "float-flag", 0.1, nobody)
	if err != nil || float.Value != 0.5 || float.Variant != "half" || float.Reason != of.StaticReason {
		t.Errorf("float: %+v (%v)", float, err)
	}
	object, err := client.ObjectValueDetails(ctx, "object-flag", nil, nobody)
	fields, _ := object.Value.(map[string]any)
	if err != nil || fields["showImages"] != true || fields["title"] != "Check out these pics!" ||
		fields["imagesPerPage"] != 100.0 || object.Variant != "template" || object.Reason != of.StaticReason {
		t.Errorf("object: %+v (%v)", object, err)
	}
	if v, err := client.StringValue(ctx, "context-aware", "EXTERNAL", user("Sulisław")); err != nil || v != "INTERNAL" {
		t.Errorf("context-aware: %s (%v)", v, err)
	}
	if v, err := client.StringValue(ctx, "context-aware", "EXTERNAL", nobody); err != nil || v != "EXTERNAL" {
		t.Errorf("context-aware, empty context: %s (%v)", v, err)
	}
	missing, err := client.StringValueDetails(ctx, "missing-flag", "uh-oh", nobody)
	if err == nil || missing.Value != "uh-oh" || missing.Reason != of.ErrorReason ||
		missing.ErrorCode != of.FlagNotFoundCode {
		t.Errorf("missing: %+v (%v)", missing, err)
	}
	wrong, err := client.IntValueDetails(ctx, "wrong-flag", 13, nobody)
	if err == nil || wrong.Value != 13 || wrong.Reason != of.ErrorReason || wrong.ErrorCode != of.TypeMismatchCode {
		t.Errorf("wrong type: %+v (%v)", wrong, err)
	}
}

func TestReasonsAndErrors(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx := t.Context()
	half := flags.Rules{Percent: 50}
	apply(t, rdb, on("on"), on("off"), flags.Change{Flag: "off", Action: flags.Disable},
		flags.Change{Flag: "listed", Action: flags.EnableUser, User: "u-1"},
		on("except"), flags.Change{Flag: "except", Action: flags.DisableUser, User: "u-1"},
		flags.Change{Flag: "half", Action: flags.SetRules, Rules: &half},
		on("two"), variants("two", flags.Variant{Name: "a", Weight: 1}, flags.Variant{Name: "b", Weight: 1}),
		on("damaged"), on("no"), one("no", "never", `false`), on("fraction"), one("fraction", "half", `0.5`))
	rdb.Set(ctx, "{feature:damaged}:rules", "{", 0)
	_, client := start(t, rdb)
	for _, test := range []struct {
		flag    string
		evalCtx of.EvaluationContext
		reason  of.Reason
		code    of.ErrorCode
		value   any // nil: either
	}{
		{"on", nobody, of.StaticReason, "", true},
		{"off", nobody, of.DisabledReason, "", false},
		{"listed", user("u-1"), of.TargetingMatchReason, "", true},
		{"listed", user("u-2"), of.DisabledReason, "", false},
		{"except", user("u-1"), of.TargetingMatchReason, "", false},
		{"half", user("u-1"), of.SplitReason, "", nil},
		{"half", nobody, of.ErrorReason, of.TargetingKeyMissingCode, true},
		{"two", user("u-1"), of.SplitReason, "", true},
		{"two", nobody, of.SplitReason, "", true},
		{"damaged", nobody, of.ErrorReason, of.ParseErrorCode, true},
		{"no", nobody, of.StaticReason, "", false},
		{"no such", nobody, of.ErrorReason, of.GeneralCode, true},
		{"none", nobody, of.ErrorReason, of.FlagNotFoundCode, true},
	} {
		d, err := client.BooleanValueDetails(ctx, test.flag, true, test.evalCtx)
		if d.Reason != test.reason || d.ErrorCode != test.code || (err != nil) != (test.code != "") ||
			test.value != nil && d.Value != test.value {
			t.Errorf("%s for %q: %+v (%v)", test.flag, test.evalCtx.TargetingKey(), d, err)
		}
	}
	if d, _ := client.StringValueDetails(ctx, "two", "", nobody); d.ErrorCode != of.TargetingKeyMissingCode {
		t.Errorf("several variants, no user: %+v", d)
	}
	if d, _ := client.StringValueDetails(ctx, "on", "", nobody); d.ErrorCode != of.TypeMismatchCode {
		t.Errorf("no variants: %+v", d)
	}
	if d, _ := client.IntValueDetails(ctx, "fraction", 7, nobody); d.ErrorCode != of.TypeMismatchCode || d.Value != 7 {
		t.Errorf("a fraction as an integer: %+v", d)
	}
	if d, err := client.StringValueDetails(ctx, "off", "mine", nobody); err != nil || d.Value != "mine" ||
		d.Reason != of.DisabledReason {
		t.Errorf("a flag that is off: %+v (%v)", d, err)
	}
}

// handlers collects the SDK's events of each type.
func handlers(api *of.EvaluationAPI, types ...of.EventType) map[of.EventType]chan of.EventDetails {
	events := map[of.EventType]chan of.EventDetails{}
	for _, eventType := range types {
		c := make(chan of.EventDetails, 100)
		events[eventType] = c
		callback := func(details of.EventDetails) { c <- details }
		api.AddHandler(eventType, &callback)
	}
	return events
}

func next(t *testing.T, c chan of.EventDetails) of.EventDetails {
	t.Helper()
	select {
	case details := <-c:
		return details
	case <-time.After(time.Minute):
		t.Fatal("no event within 30 s")
		return of.EventDetails{}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := server.Client(t)
	ctx := t.Context()
	apply(t, rdb, on("f"))
	api, client := start(t, rdb)
	events := handlers(api, of.ProviderReady, of.ProviderStale, of.ProviderConfigChange)
	next(t, events[of.ProviderReady])
	if state := client.State(); state != of.ReadyState {
		t.Errorf("state %s", state)
	}

	apply(t, rdb, flags.Change{Flag: "f", Action: flags.Disable})
	for on := true; on; { // the first event may be of when all flags were read
		if changed := next(t, events[of.ProviderConfigChange]).FlagChanges; !slices.Contains(changed, "f") {
			continue
		}
		d, err := client.BooleanValueDetails(ctx, "f", true, nobody)
		must(t, err)
		on = d.Value
	}

	server.Kill()
	next(t, events[of.ProviderStale])
	d, err := client.BooleanValueDetails(ctx, "f", true, nobody)
	if err != nil || d.Value || d.Reason != flagprovider.Stale || d.FlagMetadata["reason"] != "DISABLED" {
		t.Errorf("while Redis is away: %+v (%v)", d, err)
	}
	must(t, server.Restart())
	next(t, events[of.ProviderReady])
	if d, err := client.BooleanValueDetails(ctx, "f", true, nobody); err != nil || d.Reason != of.DisabledReason {
		t.Errorf("after the restart: %+v (%v)", d, err)
	}
}

func TestAProviderThatCannotBeginSaysSo(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer rdb.Close()
	api := isolated.NewAPI()
	defer func() { must(t, api.Shutdown(context.Background())) }()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := api.SetProviderAndWait(ctx, flagprovider.New(rdb, flags.WatchConfig{})); err == nil {
		t.Error("started without Redis")
	}
	d, err := api.NewClient().BooleanValueDetails(t.Context(), "f", true, nobody)
	if err == nil || !d.Value || d.ErrorCode != of.ProviderNotReadyCode {
		t.Errorf("%+v (%v)", d, err)
	}
}

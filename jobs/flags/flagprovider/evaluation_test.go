package flagprovider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/flags/flagprovider"
)

// notOurs are the scenarios that a provider of this kind has no part in, by their tags.
var notOurs = map[string]string{
	"@reason-codes-cached": "no evaluation is cached: each is made anew from the copy",
	"@evaluation-options":  "hooks given with a call are the SDK's",
	"@immutability":        "so is the evaluation context",
	"@async":               "so are calls that do not block; those of the Go SDK do",
}

// specified is a flag of the specification's test data.
type specified struct {
	Variants         map[string]json.RawMessage `json:"variants"`
	Default          string                     `json:"defaultVariant"`
	Disabled         bool                       `json:"disabled"`
	Metadata         map[string]any             `json:"flagMetadata"`
	ContextEvaluator string                     `json:"contextEvaluator"`
}

// targets are the expressions of the test data as this package has them.
var targets = map[string][]flags.Target{
	"email == 'ballmer@macrosoft.com' ? 'zero' : ''": {{
		Variant: "zero", When: []flags.Condition{{Attribute: "email", Op: flags.In, Values: []any{"ballmer@macrosoft.com"}}},
	}},
	"!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''": {{
		Variant: "internal", When: []flags.Condition{
			{Attribute: "customer", Op: flags.NotIn, Values: []any{true}},
			{Attribute: "email", Op: flags.In, Values: []any{"ballmer@macrosoft.com"}},
			{Attribute: "age", Op: flags.Above, Values: []any{10}},
		},
	}},
}

func loadSpecified(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	text, err := os.ReadFile("../testdata/test-flags.json")
	must(t, err)
	var all map[string]specified
	must(t, json.Unmarshal(text, &all))
	for name, flag := range all {
		rules := flags.Rules{
			Default: flag.Default, Disabled: flag.Disabled, Metadata: flag.Metadata, Targets: targets[flag.ContextEvaluator],
		}
		if flag.ContextEvaluator != "" && rules.Targets == nil {
			t.Errorf("%s: no targets for %s", name, flag.ContextEvaluator)
		}
		for variant, value := range flag.Variants {
			weight := 0
			if flag.Default == "" {
				weight = 1
			}
			rules.Variants = append(rules.Variants, flags.Variant{Name: variant, Weight: weight, Value: value})
		}
		apply(t, rdb, on(name), flags.Change{Flag: name, Action: flags.SetRules, Rules: &rules})
	}
}

// run is a scenario under way.
type run struct {
	*testing.T
	server *redistest.Server
	client *of.Client

	kind, key, fallback string
	attributes          map[string]any
	got                 any
	details             of.EvaluationDetails
}

func TestTheSpecificationsFeature(t *testing.T) {
	t.Parallel()
	shared := redistest.New(t)
	loadSpecified(t, shared.Client(t))
	scenarios := readFeature(t, "../testdata/evaluation_v2.feature")
	if len(scenarios) != 82 {
		t.Errorf("%d scenarios were read, want 82", len(scenarios))
	}
	ran := 0
	for _, s := range scenarios {
		if slices.ContainsFunc(strings.Fields(s.tags), func(tag string) bool { return notOurs[tag] != "" }) {
			continue
		}
		ran++
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := &run{T: t, server: shared, attributes: map[string]any{}}
			for _, step := range s.steps {
				r.step(step)
			}
		})
	}
	if ran != 73 {
		t.Errorf("%d scenarios were run, want 73", ran)
	}
}

var steps = map[string]func(r *run, s step, words []string){
	`^a (stable|not ready|error|fatal|stale) provider$`: func(r *run, _ step, w []string) { r.provider(w[0]) },
	`^a (\w+)-flag with key "(.*)" and a fallback value "(.*)"$`: func(r *run, _ step, w []string) {
		r.kind, r.key, r.fallback = w[0], w[1], w[2]
	},
	`^a context containing a key "(.*)", with type "(.*)" and with value "(.*)"$`: func(r *run, _ step, w []string) {
		r.attributes[w[0]] = r.typed(w[1], w[2])
	},
	`^a context containing a key "(.*)" with null value$`: func(r *run, _ step, w []string) {
		r.attributes[w[0]] = nil
	},
	`^the flag was evaluated with details$`: func(r *run, _ step, _ []string) { r.evaluate() },
	`^the resolved details value should be "(.*)"$`: func(r *run, _ step, w []string) {
		if want := r.typed(r.kind, w[0]); !reflect.DeepEqual(r.got, want) {
			r.Errorf("%s is %#v, want %#v (%+v)", r.key, r.got, want, r.details)
		}
	},
	`^the reason should be "(.*)"$`: func(r *run, _ step, w []string) { r.is(string(r.details.Reason), w[0]) },
	`^the error-code should be "(.*)"$`: func(r *run, _ step, w []string) {
		r.is(string(r.details.ErrorCode), w[0])
	},
	`^the variant should be "(.*)"$`:         func(r *run, _ step, w []string) { r.is(r.details.Variant, w[0]) },
	`^the flag key should be "(.*)"$`:        func(r *run, _ step, w []string) { r.is(r.details.FlagKey, w[0]) },
	`^the provider status should be "(.*)"$`: func(r *run, _ step, w []string) { r.is(string(r.client.State()), w[0]) },
	`^the resolved metadata should contain$`: func(r *run, s step, _ []string) {
		for _, line := range s.table[1:] {
			if got, want := r.details.FlagMetadata[line[0]], r.typed(line[1], line[2]); got != want {
				r.Errorf("metadata %s: %#v, want %#v", line[0], got, want)
			}
		}
	},
}

func (r *run) step(s step) {
	r.Helper()
	for pattern, do := range steps {
		if words := regexp.MustCompile(pattern).FindStringSubmatch(s.text); words != nil {
			do(r, s, words[1:])
			return
		}
	}
	r.Fatalf("no such step: %s", s.text)
}

func (r *run) is(got, want string) {
	r.Helper()
	if got != want {
		r.Errorf("got %q, want %q (%+v)", got, want, r.details)
	}
}

// provider sets a provider in that state.
func (r *run) provider(state string) {
	r.Helper()
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	r.Cleanup(func() { _ = away.Close() })
	newProvider := func(rdb redis.UniversalClient) *flagprovider.Provider {
		p := flagprovider.New(rdb, flags.WatchConfig{})
		r.Cleanup(p.Shutdown) // the SDK leaves one that did not begin
		return p
	}
	api := isolated.NewAPI()
	r.Cleanup(func() { _ = api.Shutdown(context.Background()) })
	r.client = api.NewClient()
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	switch state {
	case "stable":
		must(r.T, api.SetProviderAndWait(ctx, newProvider(r.server.Client(r.T))))
	case "not ready":
		must(r.T, api.SetProvider(r.Context(), newProvider(away)))
	case "error":
		failed := handlers(api, of.ProviderError)
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := api.SetProviderAndWait(brief, newProvider(away)); err == nil {
			r.Error("a provider without Redis began")
		}
		next(r.T, failed[of.ProviderError])
	case "fatal":
		if err := api.SetProviderAndWait(ctx, newProvider(nil)); err == nil {
			r.Error("a provider without a client began")
		}
	case "stale":
		server := redistest.New(r.T)
		stale := handlers(api, of.ProviderStale)
		must(r.T, api.SetProviderAndWait(ctx, newProvider(server.Client(r.T))))
		server.Kill()
		next(r.T, stale[of.ProviderStale])
	}
}

func (r *run) evaluate() {
	r.Helper()
	subject := of.NewTargetlessEvaluationContext(r.attributes)
	switch fallback := r.typed(r.kind, r.fallback).(type) {
	case bool:
		d, _ := r.client.BooleanValueDetails(r.Context(), r.key, fallback, subject)
		r.got, r.details = d.Value, d.EvaluationDetails
	case string:
		d, _ := r.client.StringValueDetails(r.Context(), r.key, fallback, subject)
		r.got, r.details = d.Value, d.EvaluationDetails
	case int64:
		d, _ := r.client.IntValueDetails(r.Context(), r.key, fallback, subject)
		r.got, r.details = d.Value, d.EvaluationDetails
	case float64:
		d, _ := r.client.FloatValueDetails(r.Context(), r.key, fallback, subject)
		r.got, r.details = d.Value, d.EvaluationDetails
	default:
		d, _ := r.client.ObjectValueDetails(r.Context(), r.key, fallback, subject)
		r.got, r.details = d.Value, d.EvaluationDetails
	}
}

// typed reads a value of the feature file.
func (r *run) typed(kind, text string) (value any) {
	r.Helper()
	var err error
	switch kind {
	case "Boolean":
		value, err = strconv.ParseBool(text)
	case "Integer":
		value, err = strconv.ParseInt(text, 10, 64)
	case "Float":
		value, err = strconv.ParseFloat(text, 64)
	case "Object":
		err = json.Unmarshal([]byte(strings.ReplaceAll(text, `\"`, `"`)), &value)
	case "String":
		value = text
	default:
		err = fmt.Errorf("no type %s", kind)
	}
	must(r.T, err)
	return value
}

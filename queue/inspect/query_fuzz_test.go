package inspect_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// What String writes, ParseQuery reads, whatever is in it.
func FuzzParseQuery(f *testing.F) {
	for _, text := range []string{
		"", "kind:payment.charge", "kind:payment.* worker:box-1", `error:"timed out"`, "is:stuck idle:>30s", "age:>1h30m",
		"deliveries:>=3", "args.order_id:o-1 args.customer.country:CH", `signature:"a: b: c"`, `args.a:"\"\\"`,
		"id:01JZ", "args.:x", "args..:x", ":", "a:", `error:"`, "kind:\u00a0", "is:lost", "idle:<3s", "age:>-1h",
		"args.日本:語", "deliveries:>=99999999999999999999", strings.Repeat("kind:a ", 1000),
		"idle:>2562047h47m16.854775807s",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := inspect.ParseQuery(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "queue: filter: ") {
				t.Errorf("%q: the error is %v", text, err)
			}
			return
		}
		again, err := inspect.ParseQuery(query.String())
		if err != nil || !reflect.DeepEqual(query, again) {
			t.Errorf("%q is %+v, written %q, read again %+v, %v", text, query, query.String(), again, err)
		}
	})
}

// A condition on the data looks at values as JSON has them.
func TestConditionsOnData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const data = `{"a.b":1,"n":12.50,"big":12345678901234567890,"text":"\u0041 b","null":null,"yes":true,` +
		`"list":[{"x":"p"},{"x":"q"}],"deep":{"er":{"est":"z"}},"empty":"","":"no name"}`
	w.enqueue("k", data)
	for filter, want := range map[string]int{
		"args.a.b:1": 1, "args.n:12.50": 1, "args.n:12.5": 0, "args.n:12*": 1, "args.big:12345678901234567890": 1,
		`args.text:"A b"`: 1, "args.text:A*": 1, "args.text:b*": 0, "args.null:null": 1, "args.yes:true": 1, "args.yes:1": 0,
		"args.list.x:q": 1, "args.list.0.x:p": 1, "args.list.0.x:q": 0, "args.list.7.x:p": 0, "args.list:*": 0,
		"args.deep.er.est:z": 1, "args.deep.er:*": 0, "args.deep.er.est.more:z": 0, "args.missing:*": 0, `args.empty:""`: -1,
		"args.empty:*": 1,
	} {
		query, err := inspect.ParseQuery(filter)
		if err != nil {
			if want >= 0 {
				t.Errorf("%s: %v", filter, err)
			}
			continue
		}
		query.State = inspect.StateWaiting
		page, err := w.look.Search(t.Context(), "orders", query, inspect.Page{})
		if err != nil || len(page.Jobs) != want {
			t.Errorf("%s: %d jobs, want %d; %v", filter, len(page.Jobs), want, err)
		}
	}
}

func TestConditionsThatAStateDoesNotHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inState(inspect.StateWaiting)
	for name, query := range map[string]inspect.Query{
		"idle":       {MinIdle: 1},
		"deliveries": {MinDeliveries: 1},
		"preset":     {Preset: inspect.PresetStuck},
		"worker":     {Worker: "w"},
		"signature":  {Signature: "s"},
		"no preset":  {State: inspect.StateInFlight, Preset: "lost"},
	} {
		if query.State == "" {
			query.State = inspect.StateWaiting
		}
		if _, err := w.look.Search(t.Context(), "orders", query, inspect.Page{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

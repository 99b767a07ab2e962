package queue_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]inspect.Query{
		"":    {},
		"   ": {},
		`kind:payment.charge args.order_id:o-1 worker:w1 idle:>30s deliveries:>=3 error:"timed out" id:01H`: {
			Kind: "payment.charge", Data: map[string]string{"order_id": "o-1"}, Worker: "w1", MinIdle: 30*time.Second + 1,
			MinDeliveries: 3, Error: "timed out", ID: "01H",
		},
		"deliveries:>2 age:>=1h  is:stuck": {MinDeliveries: 3, MinAge: time.Hour,
			Preset: inspect.PresetStuck},
		`args.a.b:"x \"y\" \\ z" args.c:1`:                   {Data: map[string]string{"a.b": `x "y" \ z`, "c": "1"}},
		`signature:"k: attempts spent: error #" error:a:b:c`: {Signature: "k: attempts spent: error #", Error: "a:b:c"},
	} {
		got, err := inspect.ParseQuery(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
		again, err := inspect.ParseQuery(got.String())
		if err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s, written as %s: got %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"payment":            `"payment": want KEY:VALUE`,
		"colour:red":         "colour:red: there is no such key; KEY is one of kind, id",
		"idle:<3s":           "idle:<3s: only lower bounds",
		"idle:>soon":         "idle:>soon: want a time",
		"deliveries:many":    "deliveries:many: want a number",
		"deliveries:-1":      "must not be negative",
		"kind:":              "kind: the value is missing",
		`error:"timed out`:   "is not closed",
		"is:odd":             "is:odd: want stuck, poison or orphaned",
		"args.:x":            "there is no such key",
		":x":                 "want KEY:VALUE",
		"kind:a and kind:b":  `"and": want KEY:VALUE`,
		"kind:a\tidle:> 30s": `"30s": want KEY:VALUE`,
	} {
		if _, err := inspect.ParseQuery(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

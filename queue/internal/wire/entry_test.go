package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzBody(f *testing.F) {
	f.Add("payment.charge", `{"attempt":1}`, []byte(`{"order_id":"o-1"}`))
	f.Add("k", "", []byte{})
	f.Add("", "", []byte("3 4 abcdefg"))
	f.Add("7 ", "{}", []byte("\x00\xff\r\n \n"))
	f.Add("-1 -1 x", "1 1 ", []byte("9 9 "))
	f.Fuzz(func(t *testing.T, kind, metaText string, data []byte) {
		body := EncodeBody(kind, metaText, data)
		e := DecodeBody("j-1", body)
		want, wantErr := DecodeMeta([]byte(metaText))
		if e.ID != "j-1" || e.Kind != kind || !bytes.Equal(e.Data, data) || *e.Meta != *want ||
			(e.Err == nil) != (wantErr == nil) {
			t.Errorf("%q came back as %+v", body, e)
		}
		if e := DecodeBody("j-1", metaText); e.Meta == nil || e.Err == nil && len(e.Kind)+len(e.Data) > len(metaText) {
			t.Errorf("%q was read as %+v", metaText, e)
		}
	})
}

func TestDamagedBodyIsShownWhole(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "x", "3", "3 ", "3 0", "3 0 ab", "0 9 {}", "-1 0 x", "0 -1 x", "a b c", "1  x",
		"99999999999999999999 0 x"} {
		if e := DecodeBody("j-1", body); e.Err == nil || string(e.Data) != body || e.ID != "j-1" || e.Meta == nil {
			t.Errorf("%q was read as %+v", body, e)
		}
	}
	if e := DecodeBody("j-1", "1 1 k{x"); e.Err == nil || e.Kind != "k" || string(e.Data) != "x" {
		t.Errorf("with a damaged meta: %+v", e)
	}
}

func TestMetaSaysOnlyWhatThereIsToSay(t *testing.T) {
	t.Parallel()
	if text := (&Meta{}).Encode(); text != "" {
		t.Errorf("nothing to say is %q", text)
	}
	if m, err := DecodeMeta(nil); err != nil || m != NoMeta {
		t.Errorf("nothing said is %+v, %v", m, err)
	}
	full := Meta{
		Attempt: 1, Redelivered: 2, EnqueuedAt: 3, MaxAttempts: 4, Timeout: 5, BackoffMin: 6, BackoffMax: 7, Retain: 8,
		Unique: "charge:\"o-1\"", Error: "line\nline",
	}
	want := `{"attempt":1,"redelivered":2,"enqueued_ms":3,"max_attempts":4,"timeout_ms":5,"backoff_min_ms":6,` +
		`"backoff_max_ms":7,"retain_ms":8,"unique":"charge:\"o-1\"","error":"line\nline"}`
	if text := full.Encode(); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if m, err := DecodeMeta([]byte(want)); err != nil || *m != full {
		t.Errorf("came back as %+v, %v", m, err)
	}
	if text := (&Meta{Attempt: 3}).Encode(); text != `{"attempt":3}` {
		t.Errorf("got %s", text)
	}
	for _, bad := range []string{"{", "[]", `{"attempt":"x"}`, `{"attempt":1e30}`, "\x00"} {
		if m, err := DecodeMeta([]byte(bad)); err == nil || m != NoMeta {
			t.Errorf("%q was read as %+v", bad, m)
		}
	}
	if *NoMeta != (Meta{}) {
		t.Error("the meta that entries share was written to")
	}
}

func pairs(fields ...string) []Pair {
	var found []Pair
	for i := 0; i < len(fields); i += 2 {
		found = append(found, Pair{[]byte(fields[i]), []byte(fields[i+1])})
	}
	return found
}

func text(b []byte) string { return string(b) }

func TestFieldsBecomeJSON(t *testing.T) {
	t.Parallel()
	for want, fields := range map[string][]Pair{
		`{}`:                               nil,
		`{"order_id":"o-9","cents":"500"}`: pairs("order_id", "o-9", "cents", "500"),
		`{"":""}`:                          pairs("", ""),
		`{"b":"1","a":"2","b":"3"}`:        pairs("b", "1", "a", "2", "b", "3"),
		`{"q":"\"\\\n\u0000"}`:             pairs("q", "\"\\\n\x00"),
		`{"/w==;name;base64":"YcNi"}`:      pairs("\xff", "a\xc3b"),
		`{"photo;base64":"/9j/"}`:          pairs("photo", "\xff\xd8\xff"),
		`{"YTtiYXNlNjQ=;name":"b"}`:        pairs("a;base64", "b"),
		"{\"a\":\"\ufffd\"}":               pairs("a", "\ufffd"),
		`{"ключ":"日本\u2028"}`:              pairs("ключ", "日本\u2028"),
		`{"h":"\u003cb\u003e"}`:            pairs("h", "<b>"),
	} {
		got := fieldsToJSON(fields)
		if string(got) != want || !json.Valid(got) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Any bytes come back from the document that a handler receives.
func FuzzFieldsToJSON(f *testing.F) {
	f.Add([]byte("name"), []byte("\xff\x00\"\\"))
	f.Add([]byte("a;base64"), []byte("b"))
	f.Add([]byte("\xfe;name"), []byte("\ufffd"))
	f.Fuzz(func(t *testing.T, name, value []byte) {
		given := []Pair{{name, value}, {[]byte("last"), value}, {name, nil}}
		object := fieldsToJSON(given)
		if !json.Valid(object) || !utf8.Valid(object) {
			t.Fatalf("no JSON: %q", object)
		}
		back, ok := JSONToFields(object)
		if !ok || len(back) != len(given) {
			t.Fatalf("%q came back as %q from %s", given, back, object)
		}
		for i, f := range back {
			if !bytes.Equal(f.Name, given[i].Name) || !bytes.Equal(f.Value, given[i].Value) {
				t.Errorf("%q came back as %q from %s", given[i], f, object)
			}
		}
	})
}

func TestOnlyAnObjectOfStringsIsFields(t *testing.T) {
	t.Parallel()
	if fields, ok := JSONToFields([]byte(`{}`)); !ok || len(fields) != 0 {
		t.Errorf("of no field: %q, %t", fields, ok)
	}
	for _, data := range []string{
		"", "[]", "x", `"a"`, `{"a":1}`, `{"a":null}`, `{"a":["b"]}`, `{"a":"b"`, `{"a":"b"} {}`, `{"a;base64":"?"}`,
		`{"?;name":"b"}`,
	} {
		if fields, ok := JSONToFields([]byte(data)); ok {
			t.Errorf("%q was read as %q", data, fields)
		}
	}
}

func TestNavvysFormIsKnownByItsFieldsInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, form := range [][]Pair{
		pairs("id", "1", "kind", "k", "data", "{}"),
		pairs("id", "", "kind", "", "data", "", "meta", ""),
	} {
		if !isNavvyForm(form) {
			t.Errorf("%q is navvy's", form)
		}
	}
	for _, form := range [][]Pair{
		nil,
		pairs("id", "1", "kind", "k"),
		pairs("kind", "k", "id", "1", "data", "{}"),
		pairs("id", "1", "kind", "k", "data", "{}", "size", "42"),
		pairs("id", "1", "kind", "k", "data", "{}", "meta", "", "size", "42"),
		pairs("ID", "1", "kind", "k", "data", "{}"),
	} {
		if isNavvyForm(form) {
			t.Errorf("%q is another program's", form)
		}
	}
}

func TestEntryIsReadFromItsFields(t *testing.T) {
	t.Parallel()
	whole := pairs("id", "j-1", "kind", "k", "data", "{}", "meta", `{"attempt":2}`)
	shoes := pairs("id", "1", "kind", "shoes", "size", "42")
	for name, test := range map[string]struct {
		fields              []Pair
		rawKind             string
		id, kind, data, err string
		attempt             int
	}{
		"navvy's own":             {whole, "", "j-1", "k", "{}", "", 2},
		"retried on a raw stream": {whole, "order.placed", "j-1", "k", "{}", "", 2},
		"another program's": {shoes, "order.placed", "7-1", "order.placed", `{"id":"1","kind":"shoes","size":"42"}`,
			"", 0},
		"by hand, in any order":     {pairs("data", "[]", "kind", "k"), "", "7-1", "k", "[]", "", 0},
		"unknown fields are passed": {pairs("kind", "k", "colour", "red"), "", "7-1", "k", "", "", 0},
		"no kind":                   {pairs("f", "v"), "", "7-1", "", `{"f":"v"}`, "kind", 0},
		"meta is not JSON": {pairs("id", "j-1", "kind", "k", "data", "{}", "meta", "{"), "", "j-1", "k", "{}",
			"meta is not JSON", 0},
	} {
		e := DecodeEntry([]byte("7-1"), test.fields, test.rawKind, text, nil)
		if e.Ref.ID != "7-1" || e.ID != test.id || e.Kind != test.kind || string(e.Data) != test.data ||
			e.Meta.Attempt != test.attempt {
			t.Errorf("%s: got %+v", name, e)
		}
		if (e.Err == nil) != (test.err == "") || e.Err != nil && !strings.Contains(e.Err.Error(), test.err) {
			t.Errorf("%s: got %v, want %q", name, e.Err, test.err)
		}
	}
}

// The fields lie in a buffer that the next entry overwrites.
func TestEntryKeepsNothingOfTheBuffer(t *testing.T) {
	t.Parallel()
	fields := pairs("id", "j-1", "kind", "k", "data", "{}", "meta", `{"error":"x"}`)
	e := DecodeEntry([]byte("7-1"), fields, "", text, nil)
	for _, f := range fields {
		copy(f.Value, "????????????????")
	}
	if e.ID != "j-1" || e.Kind != "k" || string(e.Data) != "{}" || e.Meta.Error != "x" {
		t.Errorf("got %+v", e)
	}
}

func TestEnqueuedAtIsTakenFromWhatKnowsIt(t *testing.T) {
	t.Parallel()
	for want, e := range map[int64]Entry{
		5_000:             {Ref: EntryRef{ID: "7000-1"}, ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Meta: &Meta{EnqueuedAt: 5_000}},
		1_469_922_850_259: {Ref: EntryRef{ID: "7000-1"}, ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Meta: NoMeta},
		7_000:             {Ref: EntryRef{ID: "7000-1"}, ID: "o-42", Meta: NoMeta},
	} {
		if got := e.EnqueuedAt(); got.UnixMilli() != want {
			t.Errorf("%+v: got %d, want %d", e, got.UnixMilli(), want)
		}
	}
	for _, id := range []string{"", "-", "x-1", "0-0", "-5-0", "99999999999999999999-0"} {
		e := Entry{Ref: EntryRef{ID: id}, Meta: NoMeta}
		if at := e.EnqueuedAt(); !at.IsZero() {
			t.Errorf("%q has the time %s", id, at)
		}
	}
}

func FuzzMeta(f *testing.F) {
	f.Add([]byte(`{"attempt":-1,"unique":"u","trace":"\xff"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeMeta(data)
		if m == nil || m.Attempt < 0 || m.Redelivered < 0 || err != nil && m != NoMeta {
			t.Fatalf("%q was read as %+v, %v", data, m, err)
		}
		if again, err := DecodeMeta([]byte(m.Encode())); err != nil || *again != *m {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add("j-1", "k", []byte("{}"), []byte(`{"attempt":1}`), "")
	f.Add("", "", []byte{0xff}, []byte("{"), "order.placed")
	f.Fuzz(func(t *testing.T, id, kind string, data, meta []byte, rawKind string) {
		fields := []Pair{
			{[]byte("id"), []byte(id)}, {[]byte("kind"), []byte(kind)},
			{[]byte("data"), data}, {[]byte("meta"), meta},
		}
		e := DecodeEntry([]byte("7-1"), fields, rawKind, text, nil)
		switch {
		case e.ID != cmp.Or(id, "7-1") || e.Kind != kind || e.Meta == nil:
			t.Errorf("read as %+v", e)
		case kind == "":
			if e.Err == nil || !json.Valid(e.Data) {
				t.Errorf("without a kind it is %+v", e)
			}
		case !bytes.Equal(e.Data, data):
			t.Errorf("its data is %q, want %q", e.Data, data)
		}
	})
}

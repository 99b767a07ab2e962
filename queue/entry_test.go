package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzBody(f *testing.F) {
	f.Add("payment.charge", `{"attempt":1}`, []byte(`{"order_id":"o-1"}`))
	f.Add("k", "", []byte{})
	f.Add("", "", []byte("3 4 abcdefg"))
	f.Add("7 ", "{}", []byte("\x00\xff\r\n \n"))
	f.Add("-1 -1 x", "1 1 ", []byte("9 9 "))
	f.Fuzz(func(t *testing.T, kind, metaText string, data []byte) {
		body := encodeBody(kind, metaText, data)
		e := decodeBody("j-1", body)
		want, wantErr := decodeMeta([]byte(metaText))
		if e.id != "j-1" || e.kind != kind || !bytes.Equal(e.data, data) || *e.meta != *want || (e.err == nil) != (wantErr == nil) {
			t.Errorf("%q came back as %+v", body, e)
		}
		if e := decodeBody("j-1", metaText); e.meta == nil || e.err == nil && len(e.kind)+len(e.data) > len(metaText) {
			t.Errorf("%q was read as %+v", metaText, e)
		}
	})
}

func TestDamagedBodyIsShownWhole(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "x", "3", "3 ", "3 0", "3 0 ab", "0 9 {}", "-1 0 x", "0 -1 x", "a b c", "1  x", "99999999999999999999 0 x"} {
		if e := decodeBody("j-1", body); e.err == nil || string(e.data) != body || e.id != "j-1" || e.meta == nil {
			t.Errorf("%q was read as %+v", body, e)
		}
	}
	if e := decodeBody("j-1", "1 1 k{x"); e.err == nil || e.kind != "k" || string(e.data) != "x" {
		t.Errorf("with a damaged meta: %+v", e)
	}
}

func TestMetaSaysOnlyWhatThereIsToSay(t *testing.T) {
	t.Parallel()
	if text := (&meta{}).encode(); text != "" {
		t.Errorf("nothing to say is %q", text)
	}
	if m, err := decodeMeta(nil); err != nil || m != noMeta {
		t.Errorf("nothing said is %+v, %v", m, err)
	}
	full := meta{
		Attempt: 1, Redelivered: 2, EnqueuedAt: 3, MaxAttempts: 4, Timeout: 5, BackoffMin: 6, BackoffMax: 7, Retain: 8,
		Unique: "charge:\"o-1\"", Error: "line\nline",
	}
	want := `{"attempt":1,"redelivered":2,"enqueued_ms":3,"max_attempts":4,"timeout_ms":5,"backoff_min_ms":6,` +
		`"backoff_max_ms":7,"retain_ms":8,"unique":"charge:\"o-1\"","error":"line\nline"}`
	if text := full.encode(); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if m, err := decodeMeta([]byte(want)); err != nil || *m != full {
		t.Errorf("came back as %+v, %v", m, err)
	}
	if text := (&meta{Attempt: 3}).encode(); text != `{"attempt":3}` {
		t.Errorf("got %s", text)
	}
	for _, bad := range []string{"{", "[]", `{"attempt":"x"}`, `{"attempt":1e30}`, "\x00"} {
		if m, err := decodeMeta([]byte(bad)); err == nil || m != noMeta {
			t.Errorf("%q was read as %+v", bad, m)
		}
	}
	if *noMeta != (meta{}) {
		t.Error("the meta that entries share was written to")
	}
}

func TestJobsPolicyGoesOverItsKinds(t *testing.T) {
	t.Parallel()
	own := func(int, error) time.Duration { return time.Hour }
	kind := &Policy{MaxAttempts: 9, Timeout: time.Minute, BackoffMin: time.Second, BackoffMax: time.Hour, backoff: own}
	if (&meta{Attempt: 3, Unique: "u"}).policy(kind) != kind {
		t.Error("a job without a policy has one")
	}
	var m meta
	m.setPolicy(&Policy{MaxAttempts: 2, Timeout: 3 * time.Second, BackoffMin: 4 * time.Second, BackoffMax: 5 * time.Second, Retain: 6 * time.Second})
	got := m.policy(kind)
	if got.MaxAttempts != 2 || got.Timeout != 3*time.Second || got.BackoffMin != 4*time.Second || got.BackoffMax != 5*time.Second || got.Retain != 6*time.Second {
		t.Errorf("got %+v", got)
	}
	if got.backoff != nil {
		t.Error("the kind's function goes before the job's own backoff")
	}
	if got := (&meta{MaxAttempts: 1}).policy(kind); got.MaxAttempts != 1 || got.Timeout != time.Minute || got.backoff == nil {
		t.Errorf("with max attempts alone: %+v", got)
	}
	if kind.MaxAttempts != 9 || kind.backoff == nil {
		t.Error("the kind's policy was written to")
	}
}

func pairs(fields ...string) []pair {
	var found []pair
	for i := 0; i < len(fields); i += 2 {
		found = append(found, pair{[]byte(fields[i]), []byte(fields[i+1])})
	}
	return found
}

func text(b []byte) string { return string(b) }

func TestFieldsBecomeJSON(t *testing.T) {
	t.Parallel()
	for want, fields := range map[string][]pair{
		`{}`:                               nil,
		`{"order_id":"o-9","cents":"500"}`: pairs("order_id", "o-9", "cents", "500"),
		`{"":""}`:                          pairs("", ""),
		`{"b":"1","a":"2","b":"3"}`:        pairs("b", "1", "a", "2", "b", "3"),
		`{"q":"\"\\\n\u0000"}`:             pairs("q", "\"\\\n\x00"),
		`{"\ufffd":"a\ufffdb"}`:            pairs("\xff", "a\xc3b"),
		`{"ключ":"日本\u2028"}`:              pairs("ключ", "日本\u2028"),
		`{"h":"\u003cb\u003e"}`:            pairs("h", "<b>"),
	} {
		got := fieldsToJSON(fields)
		if string(got) != want || !json.Valid(got) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzFieldsToJSON(f *testing.F) {
	f.Add([]byte("name"), []byte("\xff\x00\"\\"))
	f.Fuzz(func(t *testing.T, name, value []byte) {
		var object map[string]string
		got := fieldsToJSON([]pair{{name, value}, {[]byte("last"), value}})
		if err := json.Unmarshal(got, &object); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if utf8.Valid(value) && object["last"] != string(value) {
			t.Errorf("%q came back as %q", value, object["last"])
		}
	})
}

func TestNavvysFormIsKnownByItsFieldsInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, form := range [][]pair{
		pairs("id", "1", "kind", "k", "data", "{}"),
		pairs("id", "", "kind", "", "data", "", "meta", ""),
	} {
		if !isNavvyForm(form) {
			t.Errorf("%q is navvy's", form)
		}
	}
	for _, form := range [][]pair{
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
		fields              []pair
		rawKind             string
		id, kind, data, err string
		attempt             int
	}{
		"navvy's own":               {whole, "", "j-1", "k", "{}", "", 2},
		"retried on a raw stream":   {whole, "order.placed", "j-1", "k", "{}", "", 2},
		"another program's":         {shoes, "order.placed", "7-1", "order.placed", `{"id":"1","kind":"shoes","size":"42"}`, "", 0},
		"by hand, in any order":     {pairs("data", "[]", "kind", "k"), "", "7-1", "k", "[]", "", 0},
		"unknown fields are passed": {pairs("kind", "k", "colour", "red"), "", "7-1", "k", "", "", 0},
		"no kind":                   {pairs("f", "v"), "", "7-1", "", `{"f":"v"}`, "kind", 0},
		"meta is not JSON":          {pairs("id", "j-1", "kind", "k", "data", "{}", "meta", "{"), "", "j-1", "k", "{}", "meta is not JSON", 0},
	} {
		e := decodeEntry("7-1", test.fields, test.rawKind, text)
		if e.entryID != "7-1" || e.id != test.id || e.kind != test.kind || string(e.data) != test.data || e.meta.Attempt != test.attempt {
			t.Errorf("%s: got %+v", name, e)
		}
		if (e.err == nil) != (test.err == "") || e.err != nil && !strings.Contains(e.err.Error(), test.err) {
			t.Errorf("%s: got %v, want %q", name, e.err, test.err)
		}
	}
}

// The fields lie in a buffer that the next entry overwrites.
func TestEntryKeepsNothingOfTheBuffer(t *testing.T) {
	t.Parallel()
	fields := pairs("id", "j-1", "kind", "k", "data", "{}", "meta", `{"error":"x"}`)
	e := decodeEntry("7-1", fields, "", text)
	for _, f := range fields {
		copy(f.value, "????????????????")
	}
	if e.id != "j-1" || e.kind != "k" || string(e.data) != "{}" || e.meta.Error != "x" {
		t.Errorf("got %+v", e)
	}
}

func TestEnqueuedAtIsTakenFromWhatKnowsIt(t *testing.T) {
	t.Parallel()
	for want, e := range map[int64]entry{
		5_000:             {entryID: "7000-1", id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", meta: &meta{EnqueuedAt: 5_000}},
		1_469_922_850_259: {entryID: "7000-1", id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", meta: noMeta},
		7_000:             {entryID: "7000-1", id: "o-42", meta: noMeta},
	} {
		if got := e.enqueuedAt(); got.UnixMilli() != want {
			t.Errorf("%+v: got %d, want %d", e, got.UnixMilli(), want)
		}
	}
	for _, id := range []string{"", "-", "x-1", "0-0", "-5-0", "99999999999999999999-0"} {
		if at := entryTime(id); !at.IsZero() {
			t.Errorf("%q has the time %s", id, at)
		}
	}
}

func TestEntryAfter(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"0-0": "0-1", "7-41": "7-42", "7": "7-1"} {
		if got := entryAfter(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestErrorTextIsBoundedAndValid(t *testing.T) {
	t.Parallel()
	if errorText(nil) != "" || errorText(errors.New("no")) != "no" {
		t.Error("a short text was changed")
	}
	if got := errorText(errors.New("a\xffb")); got != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
	for _, letter := range []string{"x", "é", "語", "😀"} {
		for shift := range 4 {
			got := errorText(errors.New(strings.Repeat("x", shift) + strings.Repeat(letter, maxErrorText+1)))
			if !utf8.ValidString(got) || len(got) > maxErrorText+len("…") || len(got) < maxErrorText-4 || !strings.HasSuffix(got, "…") {
				t.Errorf("%q, %d off: %d bytes, ends with %q", letter, shift, len(got), got[len(got)-6:])
			}
		}
	}
	if got := errorText(errors.New(strings.Repeat("x", maxErrorText))); strings.HasSuffix(got, "…") {
		t.Error("a text that fits was cut")
	}
}

func TestBackoffGrowsToItsLimitWithJitter(t *testing.T) {
	t.Parallel()
	p := Policy{BackoffMin: time.Second, BackoffMax: time.Minute}
	lowest, middle, highest := func() float64 { return 0 }, func() float64 { return 0.5 }, func() float64 { return math.Nextafter(1, 0) }
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := p.delayAfter(n+1, nil, middle); got != want {
			t.Errorf("after attempt %d: %s, want %s", n+1, got, want)
		}
		if got := p.delayAfter(n+1, nil, lowest); got != want*3/4 {
			t.Errorf("after attempt %d: %s at the least, want %s", n+1, got, want*3/4)
		}
		if got := p.delayAfter(n+1, nil, highest); got > want*5/4 || got < want*5/4-time.Microsecond {
			t.Errorf("after attempt %d: %s at the most, want %s", n+1, got, want*5/4)
		}
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	t.Parallel()
	const years = 200 * 365 * 24 * time.Hour
	middle := func() float64 { return 0.5 }
	for _, p := range []Policy{
		{BackoffMin: time.Millisecond, BackoffMax: years},
		{BackoffMin: years, BackoffMax: years},
		Policy{}.withDefaults(),
	} {
		last := time.Duration(0)
		for attempt := 1; attempt < 200; attempt++ {
			got := p.delayAfter(attempt, nil, middle)
			if got < last || got < p.BackoffMin || got > p.BackoffMax {
				t.Fatalf("%s to %s, after attempt %d: %s, before it %s", p.BackoffMin, p.BackoffMax, attempt, got, last)
			}
			last = got
		}
		if got := p.delayAfter(math.MaxInt, nil, middle); got != last || got != p.BackoffMax {
			t.Errorf("%s to %s, in the end: %s", p.BackoffMin, p.BackoffMax, got)
		}
	}
}

func TestErrorsAndFunctionsGoBeforeTheBackoff(t *testing.T) {
	t.Parallel()
	cause := errors.New("busy")
	p := Policy{BackoffMin: time.Second, BackoffMax: time.Second, backoff: func(attempt int, err error) time.Duration {
		if !errors.Is(err, cause) {
			t.Errorf("told %v", err)
		}
		return time.Duration(attempt-2) * time.Minute
	}}
	none := func() float64 { t.Error("no jitter was asked for"); return 0 }
	if got := p.delayAfter(5, cause, none); got != 3*time.Minute {
		t.Errorf("a kind's function: %s", got)
	}
	if got := p.delayAfter(1, cause, none); got != 0 {
		t.Errorf("a function's negative delay: %s", got)
	}
	if got := p.delayAfter(5, fmt.Errorf("wrapped: %w", RetryIn(time.Hour, cause)), none); got != time.Hour {
		t.Errorf("RetryIn: %s", got)
	}
	if got := p.delayAfter(5, RetryIn(-time.Hour, cause), none); got != 0 {
		t.Errorf("a negative RetryIn: %s", got)
	}
}

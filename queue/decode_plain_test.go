package queue

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

type label string

type plainArgs struct {
	Text    string `json:"text"`
	Label   label  `json:"label,omitempty"`
	N       int    `json:"n"`
	Small   int8
	U       uint16        `json:"u,omitzero"`
	Wide    uint64        `json:"wide-er"`
	Yes     bool          `json:"yes"`
	Wait    time.Duration `json:"wait"`
	Skipped string        `json:"-"`
	hidden  string        //lint:ignore U1000 the decoder must pass over it
}

type ownDecoding struct{ N int }

func (*ownDecoding) UnmarshalJSON([]byte) error { return nil }

type ownText int

func (*ownText) UnmarshalText([]byte) error { return nil }

func TestWhichArgumentsArePlain(t *testing.T) {
	t.Parallel()
	for _, plain := range []any{plainArgs{}, struct{}{}, struct{ A string }{}} {
		if newPlainDecoder(reflect.TypeOf(plain)) == nil {
			t.Errorf("%T is not", plain)
		}
	}
	type inner struct{ N int }
	for _, odd := range []any{
		ownDecoding{}, new(plainArgs), 7, map[string]string{}, struct{ inner }{}, struct{ F float64 }{},
		struct{ A any }{}, struct{ N json.Number }{}, struct{ T time.Time }{}, struct{ I inner }{},
		struct{ O ownText }{}, struct{ B []byte }{},
		struct{ P *int }{}, struct {
			N int `json:"n,string"`
		}{}, struct {
			N int `json:"ü"`
		}{},
	} {
		if newPlainDecoder(reflect.TypeOf(odd)) != nil {
			t.Errorf("%T is", odd)
		}
	}
	twice := []reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"n"`},
		{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"n"`},
	}
	if newPlainDecoder(reflect.StructOf(twice)) != nil {
		t.Error("two fields of one name are")
	}
}

// plainSamples are data of plainArgs of which the fast way makes something; of oddSamples it must not.
var (
	plainSamples = []string{
		`{}`, ` { } `, `{"text":"a b, ü €"}`, `{"n":1,"n":2}`, `{"wait":999999999999999999}`, `{"text":"]}"}`,
		`{"text":"","label":"x","n":-7,"Small":127,"u":65535,"wide-er":1,"yes":true}`,
		"\t{ \"n\" :\r\n 0 , \"yes\" : false }\n",
	}
	oddSamples = []string{
		``, `null`, `{`, `}`, `[]`, `"a"`, `{"text":"a"`, `{"text":"a",}`, `{,}`, `{"text":"a"}x`, `{"text":"a"}{}`,
		`{text:"a"}`, `{"TEXT":"a"}`, `{"other":1}`, `{"text":null}`, `{"text":7}`, `{"text":"a\n"}`, `{"te\u0078t":"a"}`,
		"{\"text\":\"a\nb\"}", "{\"text\":\"\xff\"}", "{\"text\":\"\xed\xa0\x80\"}", `{"n":1.0}`, `{"n":1e3}`, `{"n":01}`,
		`{"n":-}`, `{"n":- 1}`, `{"n":+1}`, `{"n":"1"}`, `{"n":true}`, `{"n":9223372036854775807}`, `{"Small":128}`,
		`{"u":-0}`, `{"u":-1}`, `{"u":65536}`, `{"wide-er":18446744073709551615}`, `{"yes":truee}`, `{"yes":0}`,
		`{"yes":tru`, `{"n":1 2}`, `{"n"}`, `{"n":}`, `{"n":1,,}`, `{"Skipped":"x"}`, `{"-":"x"}`, `{"hidden":"x"}`,
		"{\"text\":\"a\"}\x00", "\ufeff{}", `{"text":"a`, "{\"n\":1\v}",
	}
)

func TestPlainDecodingMakesWhatEncodingJSONMakes(t *testing.T) {
	t.Parallel()
	plain := newPlainDecoder(reflect.TypeFor[plainArgs]())
	for i, data := range append(plainSamples, oddSamples...) {
		checkPlain(t, plain, []byte(data))
		var args plainArgs
		if is := plain.decode([]byte(data), reflect.ValueOf(&args).Elem()); is != (i < len(plainSamples)) {
			t.Errorf("%q is plain: %t", data, is)
		}
	}
}

// checkPlain holds decodeArgs against encoding/json.
func checkPlain(t *testing.T, plain *plainDecoder, data []byte) {
	t.Helper()
	for _, strict := range []bool{false, true} {
		var got, want plainArgs
		gotErr, wantErr := decodeArgs(plain, data, &got, strict), decodeArgs(nil, data, &want, strict)
		if got != want || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Errorf("%q, strict %t: got %+v, %v; want %+v, %v", data, strict, got, gotErr, want, wantErr)
		}
	}
}

func FuzzPlainArgs(f *testing.F) {
	for _, data := range append(plainSamples, oddSamples...) {
		f.Add([]byte(data))
	}
	plain := newPlainDecoder(reflect.TypeFor[plainArgs]())
	f.Fuzz(func(t *testing.T, data []byte) { checkPlain(t, plain, data) })
}

func TestPlainArgumentsAllocateTheirTextsAlone(t *testing.T) {
	plain := newPlainDecoder(reflect.TypeFor[plainArgs]())
	data := []byte(`{"text":"` + strings.Repeat("x", 90) + `","n":7,"yes":true}`)
	args := new(plainArgs)
	if n := testing.AllocsPerRun(100, func() { _ = decodeArgs(plain, data, args, false) }); n > 1 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkDecodeArgs(b *testing.B) {
	data := []byte(`{"text":"` + strings.Repeat("x", 90) + `"}`)
	plain := newPlainDecoder(reflect.TypeFor[plainArgs]())
	for name, plain := range map[string]*plainDecoder{"plain": plain, "json": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			args := new(plainArgs)
			for b.Loop() {
				_ = decodeArgs(plain, data, args, false)
			}
		})
	}
}

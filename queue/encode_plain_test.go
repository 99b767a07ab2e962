package queue

import (
	"encoding/json"
	"reflect"
	"testing"
)

type encodedArgs struct {
	Text   string `json:"text"`
	Label  label
	N      int `json:"n"`
	Small  int8
	U      uint64 `json:"u"`
	Yes    bool   `json:"yes"`
	Hidden string `json:"-"`
}

// Kind names the handler.
func (encodedArgs) Kind() string { return "encoded" }

type sometimes struct {
	N int `json:"n,omitempty"`
}

func (sometimes) Kind() string { return "sometimes" }

type writesItself struct{ N int }

func (writesItself) Kind() string                  { return "itself" }
func (*writesItself) MarshalText() ([]byte, error) { return []byte("it"), nil }

type pointed int

func (*pointed) Kind() string { return "pointed" }

func TestWhichArgumentsAreEncodedPlain(t *testing.T) {
	t.Parallel()
	for _, odd := range []any{
		sometimes{}, writesItself{}, new(encodedArgs), struct{ O ownText }{}, struct{ F float32 }{},
	} {
		if newPlainEncoder(reflect.TypeOf(odd)) != nil {
			t.Errorf("%T is", odd)
		}
	}
	if newPlainEncoder(reflect.TypeFor[encodedArgs]()) == nil {
		t.Error("none are")
	}
}

func checkEncoded(t *testing.T, args Args) {
	t.Helper()
	got, err := encodeArgs(args)
	want, wantErr := json.Marshal(args)
	if string(got) != string(want) || err != nil || wantErr != nil {
		t.Errorf("%+v: got %s, %v; want %s, %v", args, got, err, want, wantErr)
	}
}

func TestPlainEncodingMakesWhatEncodingJSONMakes(t *testing.T) {
	t.Parallel()
	full := encodedArgs{Text: "a b", Label: "x", N: -7, Small: -128, U: 1<<64 - 1, Yes: true, Hidden: "h"}
	for _, args := range []Args{
		full, &full, encodedArgs{}, sometimes{}, sometimes{N: 1}, &writesItself{}, writesItself{}, new(pointed),
	} {
		checkEncoded(t, args)
	}
}

func FuzzPlainEncoding(f *testing.F) {
	for _, text := range []string{"", "a b~", "\"", "\\", "<", ">", "&", "\n", "\x7f", "ü", "\u2028", "\xff", "/'"} {
		f.Add(text, "", 1, uint64(2), true)
		f.Add("a", text, -1, uint64(0), false)
	}
	f.Fuzz(func(t *testing.T, text, other string, n int, u uint64, yes bool) {
		checkEncoded(t, encodedArgs{Text: text, Label: label(other), N: n, Small: int8(n), U: u, Yes: yes})
	})
}

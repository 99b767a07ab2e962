package queue

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// plainDecoder reads arguments that are a struct of texts, whole numbers and booleans, from data that has these as they
// mostly are: no escapes, no other names, no null. It sets what encoding/json would set, in a tenth of the time; that
// looks at each byte twice, and has to expect anything.
//
// Why: docs/decisions/engine.md#plain-arguments-are-decoded-in-one-pass
type plainDecoder struct{ fields []plainField }

type plainField struct {
	name  string
	index int
}

// newPlainDecoder returns nil if arguments of that type are not plain.
func newPlainDecoder(args reflect.Type) *plainDecoder {
	if args.Kind() != reflect.Struct || decodesItself(args) {
		return nil
	}
	d := new(plainDecoder)
	for field := range args.Fields() {
		if field.Anonymous {
			return nil
		}
		name, plain := plainName(field)
		if name == "" && plain {
			continue
		}
		if !plain || !isPlain(field.Type) || d.find([]byte(name)) != nil {
			return nil
		}
		d.fields = append(d.fields, plainField{name: name, index: field.Index[0]})
	}
	return d
}

// plainName is by what name data has a field: "" for a field that it does not have. It is not plain if there is more
// to it than that.
func plainName(field reflect.StructField) (name string, plain bool) {
	tag := field.Tag.Get("json")
	if !field.IsExported() || tag == "-" {
		return "", true
	}
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = field.Name
	}
	isOdd := func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return name, !strings.ContainsFunc(name, isOdd) && slices.Contains([]string{"", "omitempty", "omitzero"}, options)
}

func isPlain(t reflect.Type) bool {
	if t == reflect.TypeFor[json.Number]() || decodesItself(t) {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// decodesItself reports whether values of a type have a say in how they are decoded.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	_, streams := p.MethodByName("UnmarshalJSONFrom")
	return streams || p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func (d *plainDecoder) find(name []byte) *plainField {
	for i := range d.fields {
		if d.fields[i].name == string(name) {
			return &d.fields[i]
		}
	}
	return nil
}

// decode sets the fields, and reports whether the data was plain. If not, nothing can be said of it, and some fields
// may have been set.
func (d *plainDecoder) decode(data []byte, args reflect.Value) bool {
	r := plainData{left: data}
	if !r.next('{') {
		return false
	}
	for more := !r.next('}'); more; {
		name, ok := r.text()
		field := d.find(name)
		if !ok || field == nil || !r.next(':') || !r.value(args.Field(field.index)) {
			return false
		}
		if more = r.next(','); !more && !r.next('}') {
			return false
		}
	}
	r.skipSpace()
	return len(r.left) == 0
}

// plainData is what is left of data.
type plainData struct{ left []byte }

func (r *plainData) skipSpace() {
	for len(r.left) > 0 && (r.left[0] == ' ' || r.left[0] == '\t' || r.left[0] == '\n' || r.left[0] == '\r') {
		r.left = r.left[1:]
	}
}

// next takes one character, if that is the next.
func (r *plainData) next(char byte) bool {
	r.skipSpace()
	if len(r.left) == 0 || r.left[0] != char {
		return false
	}
	r.left = r.left[1:]
	return true
}

// text takes a text that stands for itself.
func (r *plainData) text() ([]byte, bool) {
	if !r.next('"') {
		return nil, false
	}
	var beyond byte // ASCII
	for i, char := range r.left {
		if char == '"' {
			text := r.left[:i]
			r.left = r.left[i+1:]
			return text, beyond < utf8.RuneSelf || utf8.Valid(text)
		}
		if char < ' ' || char == '\\' {
			break
		}
		beyond |= char
	}
	return nil, false
}

// value takes a value and sets a field to it.
func (r *plainData) value(field reflect.Value) bool {
	switch field.Kind() {
	case reflect.String:
		text, ok := r.text()
		if ok {
			field.SetString(string(text))
		}
		return ok
	case reflect.Bool:
		is := r.word("true")
		field.SetBool(is)
		return is || r.word("false")
	}
	n, ok := r.number()
	switch {
	case !ok:
	case field.CanInt():
		if ok = !field.OverflowInt(n); ok {
			field.SetInt(n)
		}
	default:
		if ok = n >= 0 && !field.OverflowUint(uint64(n)); ok {
			field.SetUint(uint64(n))
		}
	}
	return ok
}

// word takes a word, which no other one begins with.
func (r *plainData) word(word string) bool {
	r.skipSpace()
	if len(r.left) < len(word) || string(r.left[:len(word)]) != word {
		return false
	}
	r.left = r.left[len(word):]
	return true
}

// number takes a whole number of up to 18 digits.
func (r *plainData) number() (n int64, ok bool) {
	sign := int64(1)
	if r.next('-') {
		sign = -1
	} else {
		r.skipSpace()
	}
	digits := 0
	for digits < len(r.left) && r.left[digits]-'0' <= 9 {
		digits++
	}
	if digits == 0 || digits > 18 || digits > 1 && r.left[0] == '0' {
		return 0, false
	}
	for _, digit := range r.left[:digits] {
		n = 10*n + int64(digit-'0')
	}
	r.left = r.left[digits:]
	return sign * n, n > 0 || sign > 0 // -0 is no unsigned number; and what is behind it, such as a point, is no comma
}

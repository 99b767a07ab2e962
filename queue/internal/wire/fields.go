package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// What follows the name of a member whose text JSON cannot hold as it is: see docs/keys.md, Entries.
const (
	Base64Value = ";base64" // the value is written in base64
	base64Name  = ";name"   // the name before it is
)

// fieldsToJSON makes a JSON object of flat fields, in their order, every value a string as Redis has it. Bytes that are
// no UTF-8 are written in base64, in a member whose name says so, and so [JSONToFields] returns the same fields. Of a
// name that comes twice the last value counts for most readers, as in JSON.
func fieldsToJSON(fields []Pair) []byte {
	size := 2
	for _, f := range fields {
		size += len(f.Name) + len(f.Value) + 8
	}
	object := append(make([]byte, 0, size), '{')
	for i, f := range fields {
		if i > 0 {
			object = append(object, ',')
		}
		object = appendMember(object, f)
	}
	return append(object, '}')
}

func appendMember(object []byte, f Pair) []byte {
	name, value := f.Name, f.Value
	if !isPlainName(name) {
		name = append(encodeBase64(name), base64Name...)
	}
	if !utf8.Valid(value) {
		name, value = append(bytes.Clone(name), Base64Value...), encodeBase64(value)
	}
	object = append(AppendJSONString(object, name), ':')
	return AppendJSONString(object, value)
}

// isPlainName reports whether a name is written as it is: one that ends as those in base64 do is not.
func isPlainName(name []byte) bool {
	return utf8.Valid(name) && !bytes.HasSuffix(name, []byte(Base64Value)) && !bytes.HasSuffix(name, []byte(base64Name))
}

func encodeBase64(text []byte) []byte { return base64.StdEncoding.AppendEncode(nil, text) }

// JSONToFields returns the fields that an object was made of, in their order, and whether it is an object as a raw
// stream's entry becomes one.
func JSONToFields(object []byte) ([]Pair, bool) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	var fields []Pair
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		value, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		text, isText := value.(string)
		f, ok := readMember(name.(string), text) // the decoder takes nothing else for a name
		if !isText || !ok {
			return nil, false
		}
		fields = append(fields, f)
	}
	if _, err := decoder.Token(); err != nil { // the brace that ends it
		return nil, false
	}
	return fields, !decoder.More()
}

func readMember(name, value string) (f Pair, ok bool) {
	f = Pair{Value: []byte(value)}
	var errs [2]error
	if plain, encoded := strings.CutSuffix(name, Base64Value); encoded {
		name = plain
		f.Value, errs[0] = base64.StdEncoding.DecodeString(value)
	}
	f.Name = []byte(name)
	if plain, encoded := strings.CutSuffix(name, base64Name); encoded {
		f.Name, errs[1] = base64.StdEncoding.DecodeString(plain)
	}
	return f, errs == [2]error{}
}

// AppendJSONString quotes a text as json.Marshal does, which it leaves the unusual to.
func AppendJSONString(to, text []byte) []byte {
	start := len(to)
	to = append(to, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < ' ' || c > '~' || c == '<' || c == '>' || c == '&':
			quoted, _ := json.Marshal(string(text)) // a string: cannot fail
			return append(to[:start], quoted...)
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

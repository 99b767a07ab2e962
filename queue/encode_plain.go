package queue

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"sync"
)

// plainEncoder writes arguments that are plain, see plainDecoder, as encoding/json does.
type plainEncoder struct {
	fields []plainField
	names  []string // of the fields, as they are written
}

// plainEncoders has those of the types that were enqueued, nil if one is not plain: *plainEncoder by type.
var plainEncoders sync.Map

func plainEncoderOf(args reflect.Type) *plainEncoder {
	if known, ok := plainEncoders.Load(args); ok {
		return known.(*plainEncoder)
	}
	known, _ := plainEncoders.LoadOrStore(args, newPlainEncoder(args))
	return known.(*plainEncoder)
}

func newPlainEncoder(args reflect.Type) *plainEncoder {
	plain := newPlainDecoder(args)
	if plain == nil || encodesItself(args) {
		return nil
	}
	e := &plainEncoder{fields: plain.fields}
	for i, f := range plain.fields {
		field := args.Field(f.index)
		if encodesItself(field.Type) || hasOptions(field) {
			return nil
		}
		name := `,"` + f.name + `":`
		if i == 0 {
			name = name[1:]
		}
		e.names = append(e.names, name)
	}
	return e
}

// hasOptions reports whether a field is left out at times.
func hasOptions(field reflect.StructField) bool {
	name, plain := plainName(field)
	tag := field.Tag.Get("json")
	return !plain || tag != "" && tag != name
}

// encodesItself reports whether values of a type have a say in how they are encoded.
func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	_, streams := p.MethodByName("MarshalJSONTo")
	return streams || p.Implements(reflect.TypeFor[json.Marshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// encode returns false if there is a text that needs an escape.
func (e *plainEncoder) encode(args reflect.Value) ([]byte, bool) {
	size := 2
	for i, f := range e.fields {
		size += len(e.names[i]) + 20 // of a number
		if value := args.Field(f.index); value.Kind() == reflect.String {
			size += value.Len()
		}
	}
	data := append(make([]byte, 0, size), '{')
	for i, f := range e.fields {
		data = append(data, e.names[i]...)
		value := args.Field(f.index)
		switch {
		case value.Kind() == reflect.Bool:
			data = strconv.AppendBool(data, value.Bool())
		case value.CanInt():
			data = strconv.AppendInt(data, value.Int(), 10)
		case value.CanUint():
			data = strconv.AppendUint(data, value.Uint(), 10)
		case isPlainText(value.String()):
			data = append(append(append(data, '"'), value.String()...), '"')
		default:
			return nil, false
		}
	}
	return append(data, '}'), true
}

// isPlainText reports whether a text stands for itself between quotes.
func isPlainText(text string) bool {
	for i := range len(text) {
		switch char := text[i]; {
		case char < ' ' || char > '~', char == '"', char == '\\', char == '<', char == '>', char == '&':
			return false
		}
	}
	return true
}

package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Strict sends a job to dead without a run if its data has a field that the kind's arguments do not have, or anything
// behind them. By default such fields are passed over, so that a producer may be newer than its workers. It serves
// [Handle] and [HandleBatch].
func Strict() HandleOption { return handleOption(func(p *Policy) { p.Strict = true }) }

// kindOf begins a kind whose arguments are of type T. It fails the mux if there is none.
func kindOf[T Args](m *Mux, noHandler bool) (k *kind, ok bool) {
	if m == nil { // which NewWorker refuses
		return nil, false
	}
	name, err := kindName[T]()
	switch {
	case err != nil:
		m.fail(err)
	case noHandler:
		m.fail(fmt.Errorf("kind %q: handler is nil", name))
	default:
		return &kind{name: name}, true
	}
	return nil, false
}

// kindName asks a value of T, which may be a pointer, for its kind.
func kindName[T Args]() (name string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the Kind method of %s: %w", reflect.TypeFor[T](), newPanicError(v))
		}
	}()
	var zero T
	switch t := reflect.TypeFor[T](); t.Kind() {
	case reflect.Interface:
		return "", fmt.Errorf("%s is an interface: it has no kind of its own", t)
	case reflect.Pointer:
		zero, _ = reflect.New(t.Elem()).Interface().(T)
	}
	return zero.Kind(), nil
}

// decodeArgs reads the data of a job into its arguments, which are zero. plain is of their type.
func decodeArgs[T any](plain *plainDecoder, data []byte, args *T, strict bool) error {
	if plain != nil {
		if plain.decode(data, reflect.ValueOf(args).Elem()) {
			return nil
		}
		var zero T
		*args = zero
	}
	if isNull(data) && !isEmpty(reflect.TypeFor[T]()) {
		return errors.New("it is null")
	}
	if !strict {
		return json.Unmarshal(data, args)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(args); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind it")
	}
	return nil
}

// isNull reports whether data is what a nil pointer becomes: decoded, it would look like arguments that are all zero.
func isNull(data []byte) bool {
	return len(data) < 64 && string(bytes.TrimSpace(data)) == "null"
}

// isEmpty reports whether arguments of a type have nothing in them anyway.
func isEmpty(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 0
}

// undecodableError keeps data that does not fit its kind from being retried: it would fail the same way each time.
type undecodableError struct{ cause error }

func (e *undecodableError) Error() string { return "data does not fit the kind: " + e.cause.Error() }
func (e *undecodableError) Unwrap() error { return e.cause }

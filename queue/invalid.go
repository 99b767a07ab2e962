package queue

import (
	"errors"
	"fmt"
)

// invalidError is a mistake of the caller's. Its text is the mistake's.
type invalidError struct{ cause error }

func (e *invalidError) Error() string   { return e.cause.Error() }
func (e *invalidError) Unwrap() []error { return []error{ErrInvalid, e.cause} }

// invalid marks an error as the caller's mistake; nil stays nil.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &invalidError{cause: err}
}

func invalidf(format string, args ...any) error { return invalid(fmt.Errorf(format, args...)) }

// mistakes gathers what is wrong with a call.
type mistakes []error

func (m *mistakes) check(ok bool, format string, args ...any) {
	if !ok {
		*m = append(*m, fmt.Errorf(format, args...))
	}
}

func (m *mistakes) add(err error) {
	if err != nil {
		*m = append(*m, err)
	}
}

// err is all of them, or nil.
func (m mistakes) err() error { return invalid(errors.Join(m...)) }

package queue

import "errors"

// Middleware wraps a handler, to log, measure, trace or guard what it does.
type Middleware func(next Handler) Handler

// Use adds middleware around every handler, the first added outermost. Nil is an error of [NewWorker].
func (m *Mux) Use(middleware ...Middleware) {
	if m == nil { // which NewWorker refuses
		return
	}
	for _, each := range middleware {
		if each == nil {
			m.fail(errors.New("a middleware is nil"))
			continue
		}
		m.middleware = append(m.middleware, each)
	}
}

package queue

// Middleware wraps a handler, to log, measure, trace or guard what it does.
type Middleware func(next Handler) Handler

// Use adds middleware around every handler, the first added outermost.
func (m *Mux) Use(middleware ...Middleware) { m.middleware = append(m.middleware, middleware...) }

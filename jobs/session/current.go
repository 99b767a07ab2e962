package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// ErrLate says that the response has begun: what was asked for cannot be saved any more, or its cookie not sent.
var ErrLate = errors.New("the response has begun")

// ErrNoMiddleware says that the request did not come through [Middleware].
var ErrNoMiddleware = errors.New("no session middleware")

// Current is the session of one request, which [Middleware] loads when it is first asked for. What the handler changes
// is saved before the first byte of the response. It is safe for concurrent use.
type Current struct {
	store  *Store
	signer signer
	cookie string // as the browser sent it

	mu      sync.Mutex
	id      string // by the cookie; "" for none
	resign  bool   // its cookie was signed with an old key
	loaded  bool
	found   *Session // nil for none
	ttl     time.Duration
	err     error
	touched bool

	late   bool
	logout bool
	login  *string        // the user
	staged map[string]any // changes of metadata; unset for those that are to go
}

type unset struct{}

type currentKey struct{}

// FromContext returns the session of the request that the context is of. Outside of [Middleware] every method of it
// that can fails with [ErrNoMiddleware].
func FromContext(ctx context.Context) *Current {
	if c, ok := ctx.Value(currentKey{}).(*Current); ok {
		return c
	}
	return &Current{loaded: true, late: true, err: ErrNoMiddleware}
}

// Session returns the session as it is stored, without what this request changed, or [ErrNotFound]. Changes to it are
// not saved: see [Current.Set].
func (c *Current) Session(ctx context.Context) (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load(ctx)
}

func (c *Current) load(ctx context.Context) (*Session, error) {
	c.touched = true
	if !c.loaded {
		c.loaded = true
		c.read(ctx)
	}
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("session: load: %w", c.err)
	case c.found == nil:
		return nil, fmt.Errorf("session: load: %w", ErrNotFound)
	}
	return c.found, nil
}

func (c *Current) read(ctx context.Context) {
	if c.cookie == "" {
		return
	}
	id, old, ok := c.signer.verify(c.cookie)
	if !ok {
		c.store.config.Report(errors.New("session: a cookie with a bad signature"))
		return
	}
	found, ttl, err := c.store.read(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		c.err = err
	default:
		c.id, c.resign, c.found, c.ttl = id, old, found, ttl
	}
}

// UserID returns who is logged in, or "" if nobody is. A login or logout of this request counts.
func (c *Current) UserID(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login != nil {
		return *c.login, nil
	}
	found, err := c.load(ctx)
	if errors.Is(err, ErrNotFound) || c.logout && err == nil {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return found.UserID, nil
}

// Get returns a value from the session's metadata, with the changes of this request, or nil.
func (c *Current) Get(ctx context.Context, name string) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, found := c.staged[name]; found {
		if _, gone := value.(unset); gone {
			return nil, nil
		}
		return value, nil
	}
	found, err := c.load(ctx)
	if errors.Is(err, ErrNotFound) || c.logout && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return found.Metadata[name], nil
}

// Set changes one value of the session's metadata, beginning a session if there is none. The value must be one that
// encoding/json can write. Two requests that change different names at the same time do not undo each other.
func (c *Current) Set(name string, value any) error {
	if _, err := json.Marshal(value); err != nil {
		return fmt.Errorf("session: set %s: %w: %w", name, ErrInvalid, err)
	}
	return c.stage(func() { c.change(name, value) })
}

// Unset removes a value from the session's metadata.
func (c *Current) Unset(name string) error { return c.stage(func() { c.change(name, unset{}) }) }

// Login makes this the session of a user, under a new ID, with a new absolute timeout. What a visitor had in the
// session stays; what another user had does not.
func (c *Current) Login(userID string) error {
	if err := checkUser(userID); err != nil || userID == "" {
		return fmt.Errorf("session: login: %w", errors.Join(err, ErrInvalid))
	}
	return c.stage(func() { c.login = &userID })
}

// Logout ends the session.
func (c *Current) Logout() error {
	return c.stage(func() { c.logout, c.login, c.staged = true, nil, nil })
}

func (c *Current) change(name string, value any) {
	if c.staged == nil {
		c.staged = map[string]any{}
	}
	c.staged[name] = value
}

func (c *Current) stage(change func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(c.err, ErrNoMiddleware):
		return fmt.Errorf("session: %w", c.err)
	case c.late:
		return fmt.Errorf("session: %w", ErrLate)
	}
	c.touched = true
	change()
	return nil
}

// saveLimit bounds the saving of a session, which goes on when the client goes away.
const saveLimit = 5 * time.Second

// commit saves what was changed, once, and writes the headers of it.
func (c *Current) commit(ctx context.Context, h http.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late {
		return nil
	}
	c.late = true
	if !c.touched {
		return nil
	}
	h.Add("Vary", "Cookie")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	before := c.id
	saved, err := c.save(ctx)
	switch {
	case err != nil:
		return err
	case saved == nil && (c.logout || before != ""):
		c.setCookie(h, newCookie("", 0))
	case saved != nil && (saved.ID != before || c.resign):
		lives := saved.CreatedAt.Add(c.store.config.Absolute).Sub(c.store.config.Now())
		c.setCookie(h, newCookie(c.signer.sign(saved.ID), max(lives, time.Second)))
	}
	return nil
}

func (c *Current) setCookie(h http.Header, cookie *http.Cookie) {
	h.Add("Set-Cookie", cookie.String())
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// save returns the session that the browser shall have, or nil for none.
func (c *Current) save(ctx context.Context) (*Session, error) {
	found, err := c.load(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if c.logout && found != nil {
		if err := c.store.Destroy(ctx, found.ID); err != nil {
			return nil, err
		}
		found = nil
	}
	switch {
	case c.login == nil && len(c.staged) == 0:
		return found, c.keep(ctx, found)
	case found == nil:
		return c.create(ctx)
	case c.login != nil:
		rotated, err := c.store.Rotate(ctx, found.ID, c.logIn)
		if errors.Is(err, ErrNotFound) {
			return c.create(ctx)
		}
		return rotated, err
	}
	updated, err := c.store.Update(ctx, found.ID, func(s *Session) error { c.apply(s); return nil })
	if errors.Is(err, ErrNotFound) { // it was ended meanwhile, and what was meant for it goes with it
		return nil, nil
	}
	return updated, err
}

// keep prolongs a session that was only read, when a tenth of its idle timeout has passed: not at each request.
func (c *Current) keep(ctx context.Context, found *Session) error {
	if found == nil || c.ttl > c.store.config.Idle-c.store.config.Idle/10 {
		return nil
	}
	err := c.store.prolong(ctx, found)
	if err != nil && !errors.Is(err, ErrNotFound) {
		c.store.config.Report(fmt.Errorf("session: prolong: %w", err)) // the response need not fail for that
	}
	return nil
}

func (c *Current) create(ctx context.Context) (*Session, error) {
	made := &Session{Metadata: map[string]any{}}
	if c.login != nil {
		made.UserID = *c.login
	}
	c.apply(made)
	return c.store.Create(ctx, made.UserID, made.Metadata)
}

func (c *Current) logIn(s *Session) error {
	if s.UserID != "" && s.UserID != *c.login {
		s.Metadata, s.Extra = map[string]any{}, nil
	}
	s.UserID, s.CreatedAt = *c.login, c.store.now()
	c.apply(s)
	return nil
}

func (c *Current) apply(s *Session) {
	for name, value := range c.staged {
		if _, gone := value.(unset); gone {
			delete(s.Metadata, name)
			continue
		}
		s.Metadata[name] = value
	}
}

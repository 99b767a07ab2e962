package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// cleanLimit bounds tidying up after the caller's context may have ended.
const cleanLimit = 2 * time.Second

// Rotate gives a session a new ID, changed by a function that may be nil and that may be called again, and ends the old
// one; call it when somebody logs in, so that an ID from before is worth nothing. It returns [ErrNotFound] if the old
// session ended before, by a logout for example: then there is no new one either.
//
// The old and the new key may be on different servers of a cluster, so the new one is stored first, under an ID that
// nobody knows until Rotate returns, and the old one is deleted if it is still as it was read. A process that dies in
// between leaves the old session as it was.
func (s *Store) Rotate(ctx context.Context, id string, change func(*Session) error) (*Session, error) {
	for range maxAttempts {
		rotated, err := s.rotateOnce(ctx, id, change)
		if err == nil || !errors.Is(err, ErrConflict) {
			return rotated, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("session: rotate: %w", err)
		}
	}
	return nil, fmt.Errorf("session: rotate: %w", ErrConflict)
}

// Why: docs/decisions/features.md#a-rotation-stores-the-new-session-before-it-deletes-the-old-one
func (s *Store) rotateOnce(ctx context.Context, id string, change func(*Session) error) (*Session, error) {
	made, _, err := s.read(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("session: rotate: %w", err)
	}
	old := *made
	if change != nil {
		err = change(made)
	}
	if err == nil {
		err = checkUser(made.UserID)
	}
	if err != nil {
		return nil, err
	}
	made.ID = newID()
	if err := s.write(ctx, made); err != nil {
		s.discard(ctx, made)
		return nil, fmt.Errorf("session: rotate: %w", err)
	}
	reply, err := removeScript.Run(ctx, s.rdb, []string{sessionKey(id)}, old.raw).Int()
	switch {
	case err != nil:
		err = fmt.Errorf("session: rotate: %w", err)
	case reply == gone:
		err = fmt.Errorf("session: rotate: %w", ErrNotFound)
	case reply == changed:
		err = ErrConflict
	}
	if err != nil {
		s.discard(ctx, made)
		return nil, err
	}
	if err := s.unindex(ctx, &old); err != nil {
		s.config.Report(err) // the sweep or the next list finds it
	}
	return made, nil
}

// discard removes a session whose ID nobody has seen. If it stays, it harms nobody and expires.
func (s *Store) discard(ctx context.Context, made *Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	if err := s.Destroy(ctx, made.ID); err != nil {
		s.config.Report(err)
	}
}

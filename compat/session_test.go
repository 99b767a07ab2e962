package compat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

// stored is a session as the article's class returns it.
type stored struct {
	UserID    any            `json:"user_id"`
	CreatedAt string         `json:"created_at"`
	Metadata  map[string]any `json:"metadata"`
	Theme     string         `json:"theme"`
}

func newSessions(t *testing.T, server *redistest.Server) *session.Store {
	store, err := session.New(server.Client(t), session.Config{Report: func(err error) { t.Errorf("reported: %v", err) }})
	must(t, err)
	return store
}

func TestPythonsSessionIsUsedByGo(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	store, rdb := newSessions(t, server), server.Client(t)
	peer := newPeer(t, server)
	python := peer.object("RedisSession")

	var id string
	python.call(&id, "create_session", 42, map[string]any{"ip": "::1", "id": 9007199254740993})
	got, err := store.Get(ctx, id)
	must(t, err)
	if got.UserID != "42" || got.Metadata["ip"] != "::1" || got.Metadata["id"] != json.Number("9007199254740993") ||
		time.Since(got.CreatedAt).Abs() > time.Minute {
		t.Errorf("Go reads %+v", got)
	}
	_, err = store.Update(ctx, id, func(s *session.Session) error {
		s.Metadata["cart"] = 3
		return nil
	})
	must(t, err)
	var seen stored
	python.call(&seen, "get_session", id)
	if seen.UserID != 42.0 || seen.Metadata["cart"] != 3.0 || seen.Metadata["ip"] != "::1" {
		t.Errorf("after Go's update Python reads %+v", seen)
	}
	if list, err := store.ListByUser(ctx, "42"); err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("the user's sessions are %v, %v", list, err)
	}

	python.call(nil, "update_session", id, map[string]any{"theme": "dark"}) // beside the three fields
	if got, err = store.Get(ctx, id); err != nil || got.Extra["theme"] != "dark" ||
		got.Metadata["cart"] != json.Number("3") {
		t.Errorf("after Python's update Go reads %+v, %v", got, err)
	}
	must(t, rdb.Expire(ctx, "session:"+id, time.Minute).Err())
	must(t, store.Refresh(ctx, id))
	if ttl := rdb.TTL(ctx, "session:"+id).Val(); ttl < 59*time.Minute || ttl > session.DefaultIdle {
		t.Errorf("after Go's refresh it lives %s", ttl)
	}
	if n, err := store.RevokeUser(ctx, "42"); err != nil || n != 1 {
		t.Errorf("signed out of %d sessions, %v", n, err)
	}
	var none *stored
	if python.call(&none, "get_session", id); none != nil {
		t.Errorf("after the sign-out Python reads %+v", none)
	}
}

func TestGosSessionIsUsedByPython(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	store, rdb := newSessions(t, server), server.Client(t)
	peer := newPeer(t, server)
	python := peer.object("RedisSession")

	made, err := store.Create(ctx, "ada", map[string]any{"ip": "::1"})
	must(t, err)
	var seen stored
	python.call(&seen, "get_session", made.ID)
	created, err := time.Parse("2006-01-02T15:04:05.999999", seen.CreatedAt) // datetime.isoformat, without a zone
	if err != nil || !created.Equal(made.CreatedAt) || seen.UserID != "ada" || seen.Metadata["ip"] != "::1" {
		t.Errorf("Python reads %+v, %v", seen, err)
	}
	must(t, rdb.Expire(ctx, "session:"+made.ID, time.Minute).Err())
	python.call(nil, "refresh_session", made.ID)
	if ttl := rdb.TTL(ctx, "session:"+made.ID).Val(); ttl < 59*time.Minute {
		t.Errorf("after Python's refresh it lives %s", ttl)
	}
	python.call(nil, "update_session", made.ID, map[string]any{"theme": "dark"})
	rotated, err := store.Rotate(ctx, made.ID, nil)
	must(t, err)
	var none *stored
	if python.call(&none, "get_session", made.ID); none != nil {
		t.Errorf("after the rotation Python reads the old %+v", none)
	}
	if python.call(&seen, "get_session", rotated.ID); seen.Theme != "dark" || seen.UserID != "ada" {
		t.Errorf("after the rotation Python reads the new %+v", seen)
	}
	python.call(nil, "destroy_session", rotated.ID)
	if _, err := store.Get(ctx, rotated.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("after Python's logout: %v", err)
	}
}

// The article's update reads, changes and writes back. Go's updates lose nothing among each other, and nothing to a
// program that reads and refreshes meanwhile.
func TestSessionsAreUpdatedAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	store := newSessions(t, server)
	peer := newPeer(t, server)
	python := peer.object("RedisSession")
	var id string
	python.call(&id, "create_session", "many", nil)
	group, ctx := errgroup.WithContext(t.Context())
	for range 8 {
		group.Go(func() error {
			for range 25 {
				_, err := store.Update(ctx, id, func(s *session.Session) error {
					n, _ := s.Metadata["n"].(json.Number)
					count, _ := n.Int64()
					s.Metadata["n"] = count + 1
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for range 50 {
			if _, err := python.repeat(1, "refresh_session", id); err != nil {
				return err
			}
			results, err := python.repeat(1, "get_session", id)
			if err != nil || string(results[0]) == "null" {
				return fmt.Errorf("Python reads %s, %w", results, err)
			}
		}
		return nil
	})
	must(t, group.Wait())
	var seen stored
	if python.call(&seen, "get_session", id); seen.Metadata["n"] != 200.0 {
		t.Errorf("after 200 increments Python reads %v", seen.Metadata["n"])
	}
}

package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

func TestDamagedSessionsCountAsGoneAndAreReported(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Format(time.RFC3339)
	for i, raw := range []string{
		"", "null", "[]", `"text"`, `{"user_id":`, "\x00\xff", `{}`, `{"user_id": true, "created_at": "` + now + `"}`,
		`{"user_id": "u", "created_at": "yesterday"}`, `{"user_id": "u", "created_at": 5}`,
		`{"user_id": "u", "created_at": "` + now + `", "metadata": [1]}`,
		`{"user_id": "u", "created_at": "` + now + `", "metadata": {}} trailing`,
		`{"user_id": NaN, "created_at": "` + now + `", "metadata": {}}`,
	} {
		r := sharedRig(t)
		id := fmt.Sprintf("damaged-session-number-%04d", i)
		must(t, r.rdb.Set(t.Context(), "session:"+id, raw, time.Minute).Err())
		r.gone(t, id)
		if !r.reported("damaged session") || r.reported(id) {
			t.Errorf("%q: reports %v", raw, r.reports)
		}
		if err := second(r.Update(t.Context(), id, increment)); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%q: Update: %v", raw, err)
		}
		must(t, r.Destroy(t.Context(), id))
		if r.lives(t, id) {
			t.Errorf("%q: Destroy left it", raw)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t).Client(t), session.Config{MaxBytes: 500})
	ctx := t.Context()
	for _, id := range []string{"", "short", strings.Repeat("x", 129), "user:aaaaaaaaaaaaaaaaaaaaaaaaaa",
		"a\r\nbbbbbbbbbbbbbbbbbbbbbbbbbbb"} {
		r.gone(t, id)
		must(t, r.Destroy(ctx, id))
	}
	big := map[string]any{"x": strings.Repeat("x", 500)}
	if _, err := r.Create(ctx, r.user, big); !errors.Is(err, session.ErrTooLarge) {
		t.Errorf("Create: %v, want ErrTooLarge", err)
	}
	id := r.create(t).ID
	for want, change := range map[error]func(*session.Session) error{
		session.ErrTooLarge: func(s *session.Session) error { s.Metadata = big; return nil },
		session.ErrInvalid:  func(s *session.Session) error { s.UserID = "mallory"; return nil },
		context.Canceled:    func(*session.Session) error { return context.Canceled },
	} {
		if err := second(r.Update(ctx, id, change)); !errors.Is(err, want) {
			t.Errorf("Update: %v, want %v", err, want)
		}
	}
	if _, err := r.Create(ctx, strings.Repeat("u", 513), nil); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("a long user: %v", err)
	}
	if _, err := r.Create(ctx, r.user, map[string]any{"f": func() {}}); err == nil {
		t.Error("a function was stored")
	}
	for _, config := range []session.Config{{Idle: -1}, {Absolute: time.Millisecond}, {MaxBytes: -1}} {
		if _, err := session.New(r.rdb, config); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

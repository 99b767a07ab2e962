package session

import (
	"bytes"
	"strings"
	"testing"
)

// A session that can be read can be written, and says the same when it is read again.
func FuzzDecode(f *testing.F) {
	f.Add(`{"user_id": "u", "created_at": "2025-11-22T12:00:00.5", "metadata": {"a": [1, {}]}, "cart": null}`)
	f.Add(`{"user_id": 1e400, "created_at": "2025-11-22T12:00:00+02:00"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := decode("id", raw)
		if err != nil {
			return
		}
		text, err := s.encode()
		if err != nil {
			t.Fatalf("%q cannot be written: %v", raw, err)
		}
		again, err := decode("id", text)
		if err != nil || again.UserID != s.UserID || len(again.Extra) != len(s.Extra) {
			t.Fatalf("%q came back as %q (%v)", raw, text, err)
		}
	})
}

// No cookie is taken but the signer's own.
func FuzzVerify(f *testing.F) {
	s := signer{keys: [][]byte{bytes.Repeat([]byte{1}, MinKey)}}
	id := strings.Repeat("A", 26)
	f.Add(s.sign(id))
	f.Add(id + ".")
	f.Fuzz(func(t *testing.T, cookie string) {
		if got, _, ok := s.verify(cookie); ok && cookie != s.sign(got) {
			t.Fatalf("%q was taken", cookie)
		}
	})
}

package session

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Session is a copy of what is stored.
type Session struct {
	ID        string
	UserID    string         // "" for a visitor who has not logged in; a number that another program wrote is its digits
	CreatedAt time.Time      // of the login; UTC, to the microsecond
	Metadata  map[string]any // what the application keeps; numbers come as json.Number, so that none loses digits
	Extra     map[string]any // fields beside user_id, created_at and metadata, which other programs put there

	raw     string          // as it was read
	user    json.RawMessage // user_id as it was read
	foreign bool            // last written by another program, as far as can be seen
}

// The fields of the JSON. revision is this package's own: it makes each text unlike all before, so that an update whose
// reply was lost recognises its own work, and another's equal change is not taken for it.
const (
	userField     = "user_id"
	createdField  = "created_at"
	metadataField = "metadata"
	revisionField = "rev"
)

// isoFormat is how Python's datetime.isoformat writes a time in UTC without a zone.
const isoFormat = "2006-01-02T15:04:05.000000"

func decode(id, raw string) (*Session, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(raw), &fields); err != nil {
		return nil, err
	}
	s := &Session{ID: id, raw: raw, user: fields[userField], foreign: fields[revisionField] == nil}
	var err, createdErr error
	s.UserID, err = decodeUser(s.user)
	s.CreatedAt, createdErr = decodeTime(fields[createdField])
	if err = errors.Join(err, createdErr); err != nil {
		return nil, err
	}
	if s.Metadata, err = decodeObject(fields[metadataField]); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	for _, name := range []string{userField, createdField, metadataField, revisionField} {
		delete(fields, name)
	}
	s.Extra = make(map[string]any, len(fields))
	for name, field := range fields {
		if s.Extra[name], err = decodeAny(field); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// decodeUser takes a string, a number or null.
func decodeUser(raw json.RawMessage) (string, error) {
	value, err := decodeAny(raw)
	switch user := value.(type) {
	case nil:
		return "", err
	case string:
		return user, err
	case json.Number:
		return user.String(), err
	}
	return "", errors.New("user_id is neither a string nor a number")
}

func decodeTime(raw json.RawMessage) (time.Time, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, errors.New("created_at is no string")
	}
	for _, format := range []string{"2006-01-02T15:04:05", time.RFC3339} { // both take a fraction
		if at, err := time.Parse(format, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("created_at is no ISO 8601 time")
}

func decodeObject(raw json.RawMessage) (map[string]any, error) {
	value, err := decodeAny(raw)
	object, ok := value.(map[string]any)
	switch {
	case err != nil:
		return nil, err
	case value == nil:
		return map[string]any{}, nil
	case !ok:
		return nil, errors.New("not an object")
	}
	return object, nil
}

func decodeAny(raw json.RawMessage) (any, error) {
	if raw == nil {
		return nil, nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	return value, err
}

// encode is the session's JSON, with a new revision.
func (s *Session) encode() (string, error) {
	fields := maps.Clone(s.Extra)
	if fields == nil {
		fields = map[string]any{}
	}
	fields[createdField] = s.CreatedAt.UTC().Format(isoFormat)
	fields[revisionField] = rand.Text()[:16]
	fields[metadataField] = s.Metadata
	if s.Metadata == nil {
		fields[metadataField] = map[string]any{}
	}
	fields[userField] = s.UserID
	if was, err := decodeUser(s.user); s.UserID == "" {
		fields[userField] = nil
	} else if err == nil && was == s.UserID {
		fields[userField] = s.user // a number stays one
	}
	raw, err := json.Marshal(fields)
	return string(raw), err
}

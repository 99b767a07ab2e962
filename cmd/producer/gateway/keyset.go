package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/navvy-go/navvy/internal/secretfile"
)

const (
	setFresh   = 10 * time.Minute // how long keys are used before they are read again
	setPause   = 30 * time.Second // between two reads, whatever tokens say
	setTimeout = 5 * time.Second
	setLong    = 1 << 20
)

// KeySet is a set of public keys (RFC 7517) at a URL or in a file. It is read again every ten minutes, and sooner when
// a token names a key that is not in it; while that fails, the keys from before count.
type KeySet struct {
	where  string
	client *http.Client
	now    func() time.Time

	refreshing sync.Mutex // held while the set is read

	mu   sync.Mutex
	keys map[string]verifyKey // by kid; what cannot be used here is left out
	read time.Time            // when it was tried last
}

// NewKeySet reads a set from an https URL, or from the path of a file. Plain http is for the loopback alone.
func NewKeySet(ctx context.Context, where string) (*KeySet, error) {
	if address, err := url.Parse(where); err == nil && address.Scheme == "http" {
		if host := address.Hostname(); host != "localhost" && host != "127.0.0.1" && host != "::1" {
			return nil, errors.New("gateway: jwks: keys that travel by plain http can be exchanged on the way: want https")
		}
	}
	s := &KeySet{where: where, client: &http.Client{
		Timeout: setTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, now: time.Now}
	if err := s.refresh(ctx); err != nil {
		return nil, fmt.Errorf("gateway: jwks: %w", err)
	}
	return s, nil
}

// key returns the key of that ID. A token without one can only mean a set's only key. While old keys are read again,
// they go on to be used; for one that is not known the caller waits.
func (s *KeySet) key(ctx context.Context, id string) (verifyKey, error) {
	found, ok, age := s.find(id)
	switch {
	case ok && age < setFresh, ok && !s.refreshing.TryLock():
		return found, nil
	case !ok:
		s.refreshing.Lock()
		found, ok, age = s.find(id) // another may have read it meanwhile
	}
	defer s.refreshing.Unlock()
	if ok && age < setFresh {
		return found, nil
	}
	var err error
	if age >= setPause {
		err = s.refresh(context.WithoutCancel(ctx))
	}
	if found, ok, _ = s.find(id); ok {
		return found, nil
	}
	return verifyKey{}, errors.Join(fmt.Errorf("no key %q", id), err)
}

// find looks for a key among those that were read, and returns how old these are.
func (s *KeySet) find(id string) (found verifyKey, ok bool, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age = s.now().Sub(s.read)
	if id == "" && len(s.keys) == 1 {
		for _, only := range s.keys {
			return only, true, age
		}
	}
	found, ok = s.keys[id]
	return found, ok && id != "", age
}

// refresh reads the set.
func (s *KeySet) refresh(ctx context.Context) error {
	keys, err := s.load(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = s.now()
	if err == nil {
		s.keys = keys
	}
	return err
}

func (s *KeySet) load(ctx context.Context) (map[string]verifyKey, error) {
	text, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a key set: %w", err)
	}
	keys := map[string]verifyKey{}
	for _, raw := range set.Keys {
		if one, ok := usable(raw); ok {
			keys[one.id] = one.verifyKey
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

type setKey struct {
	id string
	verifyKey
}

// usable reads one key of a set, which may have others that are for something else.
func usable(raw []byte) (setKey, bool) {
	var one jose.JSONWebKey
	if json.Unmarshal(raw, &one) != nil || !one.IsPublic() || one.Use != "" && one.Use != "sig" {
		return setKey{}, false
	}
	pinned, err := keyFor(one.Key)
	if err != nil || one.Algorithm != "" && one.Algorithm != pinned.alg {
		return setKey{}, false
	}
	return setKey{one.KeyID, pinned}, true
}

func (s *KeySet) fetch(ctx context.Context) ([]byte, error) {
	if !strings.HasPrefix(s.where, "https://") && !strings.HasPrefix(s.where, "http://") {
		return secretfile.ReadPublic(s.where)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.where, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, setLong))
}

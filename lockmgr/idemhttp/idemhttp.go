// Package idemhttp makes HTTP handlers safe to call again: net/http middleware for the Idempotency-Key header, as
// draft-ietf-httpapi-idempotency-key-header-07 describes it, on [lockmgr.Manager.Once].
package idemhttp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

// DefaultMaxBody is the longest request body unless [Config.MaxBody] says otherwise: 1 MiB.
const DefaultMaxBody = 1 << 20

// Config says how requests with a key are treated. The zero value works.
type Config struct {
	Required bool                       // refuse a POST or PATCH without a key with 400
	MaxBody  int64                      // bytes of a request's body; longer is 413. Defaults to [DefaultMaxBody]
	Tenant   func(*http.Request) string // who asks: keys of different tenants have nothing to do with each other
	Options  []lockmgr.Option           // of Once: how long the lease and the record last
}

// errNotKept makes Once forget the work: the server failed, so the client may try again with the same key.
var errNotKept = errors.New("server error")

// response is what is kept of a handler's answer.
type response struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// Middleware runs POST and PATCH requests with an Idempotency-Key once, and answers a repeated one with the status, the
// headers and the body of the first, and the header Idempotency-Replayed: true. Other methods pass through.
//
// It answers 400 to a key that is missing though required, or malformed; 409 with Retry-After while the first request
// runs; 422 to a key that was used with another method, path, query or body; 413 to a body over the limit; 503 when
// Redis does not answer or the lease was lost. Answers of 500 and above are not kept. The answer is sent when the
// handler returns, so it cannot be streamed.
func Middleware(locks *lockmgr.Manager, config Config) func(http.Handler) http.Handler {
	if config.MaxBody <= 0 {
		config.MaxBody = DefaultMaxBody
	}
	if config.Tenant == nil {
		config.Tenant = func(*http.Request) string { return "" }
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost && r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			key, err := parseKey(r.Header.Values("Idempotency-Key"))
			switch {
			case err != nil:
				http.Error(w, err.Error(), http.StatusBadRequest)
			case key == "" && config.Required:
				http.Error(w, "the Idempotency-Key header is required", http.StatusBadRequest)
			case key == "":
				next.ServeHTTP(w, r)
			default:
				config.serve(locks, next, w, r, key)
			}
		})
	}
}

func (c Config) serve(locks *lockmgr.Manager, next http.Handler, w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.MaxBody))
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "cannot read the body: "+err.Error(), status)
		return
	}
	tenant := c.Tenant(r)
	var answer response
	work := func(ctx context.Context) ([]byte, error) {
		answer = record(next, r.WithContext(ctx), body)
		if answer.Status >= http.StatusInternalServerError {
			return nil, errNotKept
		}
		return json.Marshal(answer)
	}
	name := "http:" + url.QueryEscape(tenant) + ":" + key
	kept, replayed, err := locks.Once(r.Context(), name, fingerprint(r, body, tenant), work, c.Options...)
	if replayed && err == nil {
		err = json.Unmarshal(kept, &answer)
		w.Header().Set("Idempotency-Replayed", "true")
	}
	if err != nil && !errors.Is(err, errNotKept) {
		refuse(w, err)
		return
	}
	answer.send(w)
}

// refuse answers for a request whose handler's answer cannot be given.
func refuse(w http.ResponseWriter, err error) {
	var progress *lockmgr.InProgressError
	switch {
	case errors.As(err, &progress):
		seconds := (progress.RetryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(max(seconds, 1)), 10))
		http.Error(w, "a request with this Idempotency-Key is in progress", http.StatusConflict)
	case errors.Is(err, lockmgr.ErrKeyReused):
		http.Error(w, "this Idempotency-Key was used for another request", http.StatusUnprocessableEntity)
	case errors.Is(err, lockmgr.ErrInvalid):
		http.Error(w, "the server is misconfigured", http.StatusInternalServerError)
	default:
		http.Error(w, "the outcome is unknown, try again with the same Idempotency-Key", http.StatusServiceUnavailable)
	}
}

// fingerprint stands for the request. Lengths go before the parts, so that no two requests have the same parts joined.
func fingerprint(r *http.Request, body []byte, tenant string) string {
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(r.Method), []byte(r.URL.RequestURI()), body, []byte(tenant)} {
		_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// maxKey is the longest key in bytes.
const maxKey = 255

// parseKey reads the header: a structured string in quotes, or, as many clients send it, the bare key.
func parseKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	valid := len(values) == 1 && key != "" && len(key) <= maxKey
	for _, c := range []byte(key) {
		valid = valid && c > ' ' && c < 0x7f && c != '"' && c != '\\'
	}
	if !valid {
		return "", fmt.Errorf("the Idempotency-Key must be one string of 1 to %d visible ASCII characters", maxKey)
	}
	return key, nil
}

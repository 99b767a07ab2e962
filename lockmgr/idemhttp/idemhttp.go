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

	"github.com/navvy-go/navvy/lockmgr"
)

// DefaultMaxBody is the longest request body unless [Config.MaxBody] says otherwise: 1 MiB.
const DefaultMaxBody = 1 << 20

// DefaultMaxResponse is the longest response body that is kept unless [Config.MaxResponse] says otherwise: 1 MiB.
const DefaultMaxResponse = 1 << 20

// Config says how requests with a key are treated. The zero value works.
type Config struct {
	Required    bool                       // refuse a POST or PATCH without a key with 400
	MaxBody     int64                      // bytes of a request's body; longer is 413. Defaults to [DefaultMaxBody]
	MaxResponse int64                      // bytes of a response's body that are kept. Defaults to [DefaultMaxResponse]
	Tenant      func(*http.Request) string // who asks: keys of different tenants have nothing to do with each other
	Options     []lockmgr.Option           // of Once: how long the lease and the record last
}

// errNotKept makes Once forget the work: the server failed, so the client may try again with the same key.
var errNotKept = errors.New("server error")

// Middleware runs POST and PATCH requests with an Idempotency-Key once, and answers a repeated one with the status, the
// headers and the body of the first, and the header Idempotency-Replayed: true. Headers of one connection and the date
// are not replayed. Other methods pass through. The handler finds the fencing token with [lockmgr.Token].
//
// It answers 400 to a key that is missing though required, or malformed; 409 with Retry-After while the first request
// runs; 422 to a key that was used with another method, path, query or body; 413 to a body over the limit; 503 when
// Redis does not answer or the lease was lost; each with a problem document (RFC 9457). Answers of 500 and above are
// not kept, nor is anything after a panic, which goes on: the next request with the key runs the handler again.
//
// The client gets the answer once it is on record, so that it never has one that is later denied. A handler that
// flushes has it sent at once; if it then cannot be recorded, the connection is cut. A body that is longer than
// MaxResponse is streamed as well and not kept: a repeated request does not run again, and is answered with 410.
func Middleware(locks *lockmgr.Manager, config Config) func(http.Handler) http.Handler {
	config = config.withDefaults()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost && r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			key, err := parseKey(r.Header.Values("Idempotency-Key"))
			switch {
			case err != nil:
				refuse(w, http.StatusBadRequest, "Idempotency-Key is malformed", err.Error())
			case key == "" && config.Required:
				refuse(w, http.StatusBadRequest, "Idempotency-Key is missing", "This operation requires the header.")
			case key == "":
				next.ServeHTTP(w, r)
			default:
				config.serve(locks, next, w, r, key)
			}
		})
	}
}

type keyKey struct{}

// Key returns the Idempotency-Key of the request that ctx belongs to, without the quotes, or "" if it has none. A handler
// may name what it makes after it: an answer of 500 and above is not kept, and the work is done again.
func Key(ctx context.Context) string {
	key, _ := ctx.Value(keyKey{}).(string)
	return key
}

func (c Config) withDefaults() Config {
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.MaxResponse <= 0 {
		c.MaxResponse = DefaultMaxResponse
	}
	if c.Tenant == nil {
		c.Tenant = func(*http.Request) string { return "" }
	}
	return c
}

func (c Config) serve(locks *lockmgr.Manager, next http.Handler, w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.MaxBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		refuse(w, http.StatusRequestEntityTooLarge, "The body is too long",
			fmt.Sprintf("At most %d bytes are taken.", c.MaxBody))
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "The body cannot be read", err.Error())
		return
	}
	tenant := c.Tenant(r)
	rec := &recorder{client: w, limit: c.MaxResponse, header: http.Header{}}
	work := func(ctx context.Context) ([]byte, error) {
		rec.run(next, r.WithContext(context.WithValue(ctx, keyKey{}, key)), body)
		if rec.answer.Status >= http.StatusInternalServerError {
			return nil, errNotKept
		}
		return rec.record()
	}
	name := "http:" + url.QueryEscape(tenant) + ":" + key
	kept, replayed, err := locks.Once(r.Context(), name, fingerprint(r, body, tenant), work, c.Options...)
	switch {
	case err != nil && !errors.Is(err, errNotKept):
		if rec.streaming {
			panic(http.ErrAbortHandler)
		}
		refuseFor(w, err)
	case replayed:
		replay(w, kept)
	default:
		rec.stream()
	}
}

// replay sends the first answer again.
func replay(w http.ResponseWriter, kept []byte) {
	var answer response
	err := json.Unmarshal(kept, &answer)
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The answer on record cannot be read", "")
	case answer.TooLong:
		refuse(w, http.StatusGone, "The answer was too long to be kept",
			fmt.Sprintf("The request was carried out once, and answered with the status %d.", answer.Status))
	default:
		w.Header().Set("Idempotency-Replayed", "true")
		answer.send(w, answer.Body)
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

// Package idemhttp makes HTTP handlers safe to call again: net/http middleware for the Idempotency-Key header, as
// draft-ietf-httpapi-idempotency-key-header-07 describes it, on [lockmgr.Manager.Once].
package idemhttp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/navvy-go/navvy/lockmgr"
)

// DefaultMaxBody is the longest request body unless [Config.MaxBody] says otherwise: 1 MiB.
const DefaultMaxBody = 1 << 20

// DefaultMaxResponse is the longest response body that is kept unless [Config.MaxResponse] says otherwise: 1 MiB.
const DefaultMaxResponse = 1 << 20

// Config says how requests with a key are treated. The zero value works.
type Config struct {
	Required    bool             // refuse a POST or PATCH without a key with 400
	MaxBody     int64            // bytes of a request's body; longer is 413. Defaults to [DefaultMaxBody]
	MaxResponse int64            // bytes of a response's body that are kept. Defaults to [DefaultMaxResponse]
	Options     []lockmgr.Option // of Once: [lockmgr.TTL] of the lease and [lockmgr.Retain] of the record

	// Tenant is the account that asks: each has its keys, and answers, for itself. Set it where there are accounts. Where
	// it is not set or returns "", the request's credentials stand for its account (Authorization, X-API-Key, a client's
	// certificate), so that a client whose token is renewed between two tries is another; of a request without any, its
	// cookies, which must be the same when it comes again.
	Tenant func(*http.Request) string
}

// errNotKept makes Once forget the work: it was not carried out, so the client may try again with the same key.
var errNotKept = errors.New("not carried out")

// Middleware runs POST and PATCH requests with an Idempotency-Key once, and answers a repeated one with the status, the
// headers and the body of the first, and the header Idempotency-Replayed: true. Headers of one connection and the date
// are not replayed. Other methods pass through. The handler finds the fencing token with [lockmgr.Token].
//
// Kept is what was carried out: an answer of 200 to 299, and any that the handler marks with [Final]. After another
// answer, such as 401, 409, 422, 429 or 503, and after a panic, which goes on, the next request with the key runs the
// handler again.
//
// It answers 400 to a key that is missing though required, or malformed; 409 with Retry-After while the first request
// runs, at first after a second, then after as long as it has run; 422 to a key that was used with another method,
// path, query or body; 413 to a body over the limit; 503 when Redis does not answer or the lease was lost; each with a
// problem document (RFC 9457).
//
// Nobody gets the answer to somebody else, see [Config].Tenant. To requests that have neither a tenant nor credentials
// nor cookies all callers are one: of their answers no cookies are kept. Headers that middleware outside has set are
// not kept, as it sets them anew. Put the middleware outside of what sets cookies when a response begins, such as
// sessions, or those cookies are not kept either; and inside of authentication and rate limits.
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

// begun is a request with a key that runs.
type begun struct {
	key   string
	final atomic.Bool
}

type begunKey struct{}

// Key returns the Idempotency-Key of the request that ctx belongs to, without the quotes, or "" if it has none. A
// handler may name what it makes after it: an answer that is not kept means that the work is done again.
func Key(ctx context.Context) string {
	if request, found := ctx.Value(begunKey{}).(*begun); found {
		return request.key
	}
	return ""
}

// Final marks the answer to the request that ctx belongs to as one to be kept whatever its status: what was carried out
// and failed for good, such as a card that was declined, or that redirects to its result.
func Final(ctx context.Context) {
	if request, found := ctx.Value(begunKey{}).(*begun); found {
		request.final.Store(true)
	}
}

func (c Config) withDefaults() Config {
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.MaxResponse <= 0 {
		c.MaxResponse = DefaultMaxResponse
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
	from := c.caller(r)
	rec := &recorder{client: w, limit: c.MaxResponse, before: w.Header().Clone()}
	defer func() {
		if p := recover(); p != nil {
			rec.takeBack()
			panic(p)
		}
	}()
	work := func(ctx context.Context) ([]byte, error) {
		request := &begun{key: key}
		rec.run(next, r.WithContext(context.WithValue(ctx, begunKey{}, request)), body)
		if status := rec.answer.Status; (status < 200 || status > 299) && !request.final.Load() {
			return nil, errNotKept
		}
		return rec.record(from.recognised())
	}
	kept, replayed, err := locks.Once(r.Context(), from.name(key), from.fingerprint(r, body), work, c.Options...)
	switch {
	case err != nil && !errors.Is(err, errNotKept):
		if rec.streaming {
			panic(http.ErrAbortHandler)
		}
		rec.takeBack()
		refuseFor(w, err)
	case replayed:
		replay(w, kept)
	default:
		rec.finish()
	}
}

// replay sends the first answer again.
func replay(w http.ResponseWriter, kept []byte) {
	answer, err := parseResponse(kept)
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The answer on record cannot be read", "")
	case answer.TooLong:
		refuse(w, http.StatusGone, "The answer was too long to be kept",
			fmt.Sprintf("The request was carried out once, and answered with the status %d.", answer.Status))
	default:
		w.Header().Set("Idempotency-Replayed", "true")
		answer.send(w)
	}
}

// digest hashes parts. Lengths go before them, so that no two lists have the same parts joined.
func digest(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
